/** How it is known which thread a session belongs to. */
export type ThreadChoice =
  /** All belong to this one. */
  | { readonly is: 'fixed'; readonly key: string }
  /** The first prompt says so, as openab's do; a session whose prompt does not is a thread of its own. */
  | { readonly is: 'sender-context' }
  /** Each is a thread of its own. */
  | { readonly is: 'session' }
  /** The first prompt, where it does. */
  | { readonly is: 'auto' };

/** Whether a client of this name says with its prompts which thread they belong to, before it has sent one. */
export function isToldByPrompts(threads: ThreadChoice, clientName: string): boolean {
  return threads.is === 'sender-context' || (threads.is === 'auto' && isOpenab(clientName));
}

/** For how many milliseconds a client of this name can be kept waiting for `initialize`; undefined where none is known. */
export function patienceOf(clientName: string): number | undefined {
  // It gives up after 30 s.
  return isOpenab(clientName) ? 20_000 : undefined;
}

function isOpenab(clientName: string): boolean {
  return /openab/i.test(clientName);
}
