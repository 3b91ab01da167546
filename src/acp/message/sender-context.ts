import { elements, memberOf, type Span, stringAt } from './json-scanner.ts';
import { parseObject } from './json-text.ts';

/**
 * The key of the thread that a prompt belongs to, if it begins as openab's do: with the sender's context, in a block of its
 * own or at the head of one, which names the chat and the conversation in it. `CHANNEL:CHANNEL_ID:THREAD_ID`, or
 * `CHANNEL:CHANNEL_ID` where there is no thread. Undefined for any other prompt.
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
  if (context === undefined || channel === undefined) return undefined;
  const place = [word(context['channel_id']), threadOf(channel, context)].filter((id) => id !== undefined);
  return place.length === 0 ? undefined : [channel, ...place].join(':');
}

/**
 * openab calls Slack's threads by Slack's own name, `thread_ts`. The message that begins one does not have it: the thread
 * has the id of that message.
 */
function threadOf(channel: string, context: Readonly<Record<string, unknown>>): string | undefined {
  const thread = word(context['thread_id']) ?? word(context['thread_ts']);
  return thread ?? (channel === 'slack' ? word(context['message_id']) : undefined);
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
