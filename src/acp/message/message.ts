import { type Envelope, readEnvelope } from './envelope.ts';
import { quote, type Span, stringAt } from './json-scanner.ts';

/** A line, classified by JSON-RPC 2.0. The spans are positions in the line. */
export type Message =
  | Request
  | Notification
  | Response
  /** A response without an id. Peers answer in this way what they could not parse. */
  | { readonly is: 'orphan' }
  | Invalid;

export interface Request {
  readonly is: 'request';
  readonly method: string;
  /** A string, a number, or null, which ACP allows. */
  readonly id: Span;
  readonly params: Span | undefined;
}

export interface Notification {
  readonly is: 'notification';
  readonly method: string;
  readonly params: Span | undefined;
}

export interface Response {
  readonly is: 'response';
  readonly id: Span;
  readonly outcome: 'result' | 'error';
  /** The result or the error. */
  readonly value: Span;
}

/** A line that is not JSON, or is no message. */
export interface Invalid extends Remains {
  readonly is: 'invalid';
  readonly fault: 'not-json' | 'no-message';
}

/** What is known of a line that is malformed or cut off. */
export interface Remains {
  readonly id: Span | undefined;
  readonly looksLike: 'call' | 'answer' | 'neither';
}

export function readMessage(line: Uint8Array): Message {
  const envelope = readEnvelope(line);
  if (envelope.is !== 'object') {
    const fault = envelope.is === 'not-json' ? 'not-json' : 'no-message';
    return { is: 'invalid', fault, ...remains(line, envelope) };
  }
  const { members } = envelope;
  const method = stringAt(line, members.method);
  if (method !== undefined) {
    const { params } = members;
    if (members.id === undefined) return { is: 'notification', method, params };
    if (isId(line, members.id)) return { is: 'request', method, id: members.id, params };
  }
  const value = members.error ?? members.result;
  if (members.method === undefined && value !== undefined) {
    // The bridge sends no request with the id null to either peer.
    if (members.id === undefined || line[members.id.start] === nullLetter) return { is: 'orphan' };
    const outcome = members.error === undefined ? 'result' : 'error';
    if (isId(line, members.id)) return { is: 'response', id: members.id, outcome, value };
  }
  return { is: 'invalid', fault: 'no-message', ...remains(line, envelope) };
}

/** Reads a line that was too long to hold, from its beginning. */
export function readHead(head: Uint8Array): Remains {
  return remains(head, readEnvelope(head));
}

function remains(line: Uint8Array, { members, brokenMember }: Envelope): Remains {
  const has = (name: 'method' | 'result' | 'error'): boolean =>
    members[name] !== undefined || brokenMember === name;
  const { id } = members;
  return {
    id: id !== undefined && isId(line, id) ? id : undefined,
    looksLike: has('method') ? 'call' : has('result') || has('error') ? 'answer' : 'neither',
  };
}

function isId(line: Uint8Array, { start }: Span): boolean {
  const first = line[start] ?? 0;
  // A number begins with '-' or a digit.
  return first === quote || first === nullLetter || first === 0x2d || (first >= 0x30 && first <= 0x39);
}

const nullLetter = 0x6e;
