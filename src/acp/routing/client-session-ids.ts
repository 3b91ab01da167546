/**
 * Session ids as the client gets them where each session is a thread of its own: `acb-KEY`, or `acb-KEY-AGENTID` with
 * the agent's own id. They hold the thread's key, so that any bridge on any host finds the microVM.
 */
export interface ClientSessionId {
  /** The thread's key. */
  readonly key: string;
  /** The agent's id of the session; undefined if it was not known yet when the id was given out. */
  readonly agentId: string | undefined;
}

/** A key that can't be guessed: 26 characters of base 32, which are 130 random bits. */
export function randomKey(randomBytes: (size: number) => Uint8Array): string {
  return Array.from(randomBytes(keyLength), (byte) => alphabet[byte % alphabet.length]).join('');
}

export function clientSessionId({ key, agentId }: ClientSessionId): string {
  return agentId === undefined ? `${prefix}${key}` : `${prefix}${key}-${agentId}`;
}

/** Undefined for an id that no bridge made. */
export function parseClientSessionId(id: string): ClientSessionId | undefined {
  const [, key, agentId] = pattern.exec(id) ?? [];
  return key === undefined ? undefined : { key, agentId };
}

const keyLength = 26;
/** 32 characters: a byte modulo 32 is as evenly distributed as the byte. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const prefix = 'acb-';
const pattern = /^acb-([a-z2-7]{26})(?:-(.+))?$/s;
