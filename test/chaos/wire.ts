/** What client and agent say to each other through the bridge, and beside it. */

/** From the client. Numbers of a session, `n`, go over notifications and prompts alike. */
export interface FromClient {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly sessionId?: string;
    readonly n?: number;
    readonly updates?: number;
    readonly bytes?: number;
    readonly ask?: boolean;
  };
  readonly result?: { readonly a?: number };
}

/** From the agent, or from the bridge, which gives no `life`. */
export interface FromAgent {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly sessionId?: string;
    /** Which agent process says it. */
    readonly life?: string;
    /** Number of an update in its session and life. */
    readonly d?: number;
    /** Number of a question in its life. */
    readonly a?: number;
    /** Number of the session's last update before this. */
    readonly after?: number;
    readonly requestId?: number;
  };
  readonly result?: {
    readonly sessionId?: string;
    readonly life?: string;
    readonly n?: number;
    readonly after?: number;
  };
  readonly error?: { readonly code: number; readonly message: string };
}

/** What an agent tells beside the bridge. */
export type AgentReport =
  | { readonly is: 'born'; readonly life: string }
  /** Numbers that came, in the order in which they came. */
  | {
      readonly is: 'seen';
      readonly runs: readonly (readonly [session: string, from: number, to: number])[];
    }
  /** A line came that is no message. */
  | { readonly is: 'garbled'; readonly bytes: number }
  | {
      readonly is: 'written';
      /** How many updates were written, per session. */
      readonly updates: readonly (readonly [session: string, count: number])[];
      /** Questions that wait for an answer. */
      readonly open: readonly number[];
      /** How many answers came, by question. */
      readonly answered: readonly number[];
    };

/** What an agent is told beside the bridge. */
export interface Command {
  readonly do: 'stall' | 'crash' | 'report';
  readonly ms?: number;
  /** Whether its last words end in the middle of a message. */
  readonly half?: boolean;
}
