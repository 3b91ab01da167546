/**
 * Session ids as the client gets them where each session is a thread of its own: `acb-KEY`, or with the agent's own id
 * `acb-KEY-AGENTID`. They carry the thread's key, so that any bridge anywhere finds the microVM.
 */
export interface ClientSessionId {
  /** The thread's key. */
  readonly key: string;
  /** As the agent calls the session; undefined where it was not known yet when the id was given out. */
  readonly agentId: string | undefined;
}

/** A key that nobody guesses: 26 characters of base 32 for 130 random bits. */
export function randomKey(randomBytes: (size: number) => Uint8Array): string {
  return Array.from(randomBytes(keyLength), (byte) => alphabet[byte % alphabet.length]).join('');
}

export function clientSessionId({ key, agentId }: ClientSessionId): string {
  return agentId === undefined ? `${prefix}${key}` : `${prefix}${key}-${agentId}`;
}

/** Undefined for an id that is not of our making. */
export function parseClientSessionId(id: string): ClientSessionId | undefined {
  const [, key, agentId] = pattern.exec(id) ?? [];
  return key === undefined ? undefined : { key, agentId };
}

const keyLength = 26;
/** 32 characters: a byte modulo 32 is as random as the byte. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const prefix = 'acb-';
const pattern = /^acb-([a-z2-7]{26})(?:-(.+))?$/s;
