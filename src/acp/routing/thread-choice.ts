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
  return threads.is === 'sender-context' || (threads.is === 'auto' && /openab/i.test(clientName));
}
