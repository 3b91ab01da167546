import type { Crossing } from './chat-bot.ts';

/** What a message says, as a person would want it told: a few words of it, on one line. */
export function describe({ kind, method, message }: Crossing): string {
  const { params, result, error } = message;
  if (error !== undefined) return `error ${error.code}: ${error.message}`;
  if (kind === 'answer') return describeResult(method, result);
  switch (method) {
    case 'initialize':
      return `protocol version ${at(params, 'protocolVersion')}`;
    case 'session/new':
      return `cwd ${at(params, 'cwd')}`;
    case 'session/prompt':
      return quoted(
        at(params, 'prompt', '0', 'text').replace(/^<sender_context>.*<\/sender_context>\s*/s, '… '),
      );
    case 'session/update':
      return describeUpdate(params);
    case 'session/request_permission':
      return `${at(params, 'toolCall', 'title')}?`;
    default:
      return JSON.stringify(params) ?? '';
  }
}

function describeResult(method: string, result: unknown): string {
  switch (method) {
    case 'initialize':
      return at(result, 'agentInfo', 'name') || `protocol version ${at(result, 'protocolVersion')}`;
    case 'session/new':
      return `session ${at(result, 'sessionId')}`;
    case 'session/prompt':
      return at(result, 'stopReason');
    case 'session/request_permission':
      return at(result, 'outcome', 'optionId') || at(result, 'outcome', 'outcome');
    default:
      return JSON.stringify(result) ?? '';
  }
}

function describeUpdate(params: unknown): string {
  const update = at(params, 'update', 'sessionUpdate');
  const text = at(params, 'update', 'content', 'text');
  if (text !== '') return update === 'agent_message_chunk' ? quoted(text) : `${update} ${quoted(text)}`;
  return [update, at(params, 'update', 'title'), at(params, 'update', 'status')].filter(Boolean).join(' ');
}

/** The text or number that stands at this place; nothing where there is none. */
function at(value: unknown, ...path: readonly string[]): string {
  const found = path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );
  return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
