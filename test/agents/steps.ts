/** What each agent is put through, in this order: the tests' names, and the heads of the table's columns. */
export const steps = {
  initialize: 'initialize',
  newSession: 'session/new',
  prompt: 'prompt',
  tool: 'tool, with permission',
  cancel: 'cancel',
  takeOver: 'another bridge takes over',
  revive: 'microVM reclaimed, next prompt',
  load: 'microVM reclaimed, session/load by another bridge',
} as const;

export type Step = keyof typeof steps;

declare module 'vitest' {
  interface TaskMeta {
    /** What the agent said it can do. */
    capabilities?: object;
  }
}
