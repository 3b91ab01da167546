/** How the thread of a session is determined. */
export type ThreadChoice =
  /** All sessions belong to this thread. */
  | { readonly is: 'fixed'; readonly key: string }
  /**
   * The first prompt names the thread, as openab's prompts do. A session whose first prompt does not is a thread of its
   * own.
   */
  | { readonly is: 'sender-context' }
  /** Each session is a thread of its own. */
  | { readonly is: 'session' }
  /** `sender-context` for openab; for other clients `session`, unless a first prompt names a thread. */
  | { readonly is: 'auto' };

/** Whether the prompts of a client with this name name their threads. Known before the first prompt. */
export function isToldByPrompts(threads: ThreadChoice, clientName: string): boolean {
  return threads.is === 'sender-context' || (threads.is === 'auto' && isOpenab(clientName));
}

/**
 * How long a client with this name waits for an answer to `initialize`, in milliseconds; undefined if it has no limit
 * that is known.
 */
export function patienceOf(clientName: string): number | undefined {
  // openab gives up after 30 s.
  return isOpenab(clientName) ? 20_000 : undefined;
}

function isOpenab(clientName: string): boolean {
  return /openab/i.test(clientName);
}
