/** What client and agent say to each other through the bridge, and beside it. */

import { crc32 } from 'node:zlib';

/** How an agent brings sessions back. What it says of their past is made up. */
export type Memory = 'resume' | 'load' | 'none';

/** How many updates a session's past has, for an agent that loads it. */
export const pastUpdates = 5;

/** From the client. Numbers of a session, `n`, go over notifications and prompts alike. */
export interface FromClient {
  /** No other message has it. First of all members, as `check` is the last: of two messages that run into one, they don't agree. */
  readonly mark?: number;
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly sessionId?: string;
    /** Number of the session, which stays when an agent gives it another name. */
    readonly s?: number;
    readonly n?: number;
    readonly updates?: number;
    readonly bytes?: number;
    readonly ask?: boolean;
  };
  readonly result?: { readonly a?: number };
  readonly check?: number;
}

/** The message with what shows that it came whole. */
export function marked(mark: number, message: Omit<FromClient, 'mark' | 'check'>): FromClient {
  return { mark, ...message, check: checkOf({ mark, ...message }) };
}

/** Whether a message is what `marked` made, as far as the bridge leaves it alone: names and ids are the bridge's. */
export function isWhole(message: FromClient): boolean {
  return message.check === checkOf(message);
}

function checkOf({ mark, method, params = {}, result }: FromClient): number {
  const { sessionId: _, ...others } = params;
  return crc32(JSON.stringify([mark, method, others, result?.a]));
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
    /** Of a session's past: which of the agent's loads it belongs to, and its number in that. */
    readonly load?: number;
    readonly h?: number;
    /** What the bridge says itself. */
    readonly update?: { readonly content?: { readonly text?: string } };
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
      readonly runs: readonly (readonly [session: number, from: number, to: number])[];
    }
  /** A line came that is no message, or not as it was sent. */
  | { readonly is: 'garbled'; readonly bytes: number }
  /** A numbered message came for a session that the agent does not hold, or not yet. */
  | { readonly is: 'astray' }
  | {
      readonly is: 'written';
      /** How many updates were written, per session. */
      readonly updates: readonly (readonly [session: number, count: number])[];
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
