import { elements, memberOf, type Span, stringAt } from './json-scanner.ts';
import { parseObject } from './json-text.ts';

/**
 * The key of the thread that a prompt belongs to, if it begins as openab's do: with the sender's context, in a block of its
 * own or at the head of one, which names the chat and the conversation in it. Undefined for any other prompt.
 *
 * @param params of `session/prompt`
 */
export function threadKeyOf(line: Uint8Array, params: Span | undefined): string | undefined {
  const prompt = memberOf(line, params, 'prompt');
  const first = prompt && elements(line, prompt)[0];
  const text = stringAt(line, memberOf(line, first, 'text'));
  const [, json] = (text && /^\s*<sender_context>([\s\S]*?)<\/sender_context>/.exec(text)) || [];
  if (json === undefined) return undefined;
  const context = parseObject(json);
  const channel = word(context?.['channel']);
  const conversation = word(context?.['thread_id']) ?? word(context?.['channel_id']);
  return channel === undefined || conversation === undefined ? undefined : `${channel}:${conversation}`;
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
