import { encodeJson } from './json-text.ts';

/** A line that shows a sentence of the bridge in the conversation, as a message of the agent. */
export function sayInConversation(sessionId: string, text: string): Uint8Array {
  return update(sessionId, 'agent_message_chunk', text);
}

/** A line that shows a sentence of the bridge as a thought of the agent, which clients do not keep on display. */
export function thinkInConversation(sessionId: string, text: string): Uint8Array {
  return update(sessionId, 'agent_thought_chunk', text);
}

function update(sessionId: string, sessionUpdate: string, text: string): Uint8Array {
  return encodeJson({
    jsonrpc: '2.0',
    method: 'session/update',
    params: { sessionId, update: { sessionUpdate, content: { type: 'text', text: `${text}\n\n` } } },
  });
}
