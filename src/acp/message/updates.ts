import { encodeJson } from './json-text.ts';

/** A line that has the agent say something in a conversation: a sentence of the bridge's that the person is to see. */
export function sayInConversation(sessionId: string, text: string): Uint8Array {
  return update(sessionId, 'agent_message_chunk', text);
}

/** The same, as a thought, which clients show in passing. */
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
