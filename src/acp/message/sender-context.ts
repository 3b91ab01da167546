import { elements, memberOf, type Span, stringAt } from './json-scanner.ts';
import { parseObject } from './json-text.ts';

/**
 * The key of the thread that a prompt belongs to. openab's prompts begin with the sender's context, in a content block
 * of its own or at the head of one, which names the chat and the conversation. The key is
 * `CHANNEL:CHANNEL_ID:THREAD_ID`, or `CHANNEL:CHANNEL_ID` where there is no thread. Undefined for any other prompt.
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
 * For Slack openab also gives Slack's own name of the thread, `thread_ts`. The message that begins a thread has none
 * yet: the thread's id is the id of that message.
 */
function threadOf(channel: string, context: Readonly<Record<string, unknown>>): string | undefined {
  const thread = word(context['thread_id']) ?? word(context['thread_ts']);
  return thread ?? (channel === 'slack' ? word(context['message_id']) : undefined);
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
