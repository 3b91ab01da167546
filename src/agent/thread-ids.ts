import { createHash } from 'node:crypto';

/** The ids of a thread. Both are 68 characters of `[a-z0-9-]` and begin with a letter. */
export interface ThreadIds {
  /** Selects the microVM. */
  readonly runtimeSessionId: string;
  /** Selects the shell in the microVM. */
  readonly shellId: string;
}

/** Computes the ids of a thread from its key alone, so that any bridge on any host finds the same ones. */
export function threadIds(key: string): ThreadIds {
  return { runtimeSessionId: hash('session', key), shellId: hash('shell', key) };
}

/**
 * AWS: 33 to 100 characters. The prefix makes the id begin with a letter and tells the bridge's sessions from others.
 */
function hash(purpose: string, key: string): string {
  return `acb-${createHash('sha256').update(`${purpose}\0${key}`).digest('hex')}`;
}
