import type { BridgeError } from '../base/errors.ts';

/** How an agent process ended. */
export interface AgentExit {
  /** Exit status; 128 + N for signal N, as shells count. */
  readonly code: number;
  /** The end of what it wrote to stderr, as text, at most 2,000 bytes of it. */
  readonly stderr: string;
  /** As in {@link EpochEvent}: lines with a ticket up to this one are lost with it, where it did not act on them. */
  readonly lostThrough: number;
}

/** What earlier bridges left for later ones. Opaque to this layer: text, up to 256 KB each. */
export interface Notes {
  /** Of this life of the agent: gone with it. */
  readonly agent: string | undefined;
  /** Of the thread: outlives agents and, where a persistent mount is, microVMs. */
  readonly thread: string | undefined;
}

/** A line that waited, taken back. */
export interface TakenBack {
  readonly ticket: number;
  readonly line: Uint8Array;
  readonly urgent: boolean;
}

/** What the microVM has for its agent, as the host told it. */
export interface Provisions {
  /**
   * Whether what the agent remembers outlives the microVM: `kept`, or what is missing for that. `late`: storage that was
   * waited for and not mounted in time.
   */
  readonly keeping: 'kept' | 'no-mount' | 'no-tar' | 'late';
  /** Whether the host could read the environment of the image, for the agent to have it. */
  readonly environment: 'found' | 'none';
}

/** One life of the agent process that the link came to be attached to: also one that it knew, if another bridge had it since. */
export interface EpochEvent extends Provisions {
  readonly epoch: string;
  /** `started`: this attach started the process. `found`: it was there before this link. */
  readonly origin: 'started' | 'found';
  /** The agent's working directory in the microVM, the same for a thread for ever. */
  readonly cwd: string;
  /**
   * Lines with a ticket up to this one (urgent ones aside) went, at least in part, before this attach, and will not be
   * sent again. 0 at the first epoch. Lines with higher tickets go to this one.
   */
  readonly lostThrough: number;
  /** Why what went before is lost, where there was anything and its agent did not simply end. */
  readonly cause: BridgeError | undefined;
  readonly notes: Notes;
}

/** How a save of what the agent remembers went: `full`, its storage has no room for it; `failed`, it did not go otherwise. */
export type SaveResult = 'ok' | 'full' | 'failed';

/** What the link tells its user. Lines of an epoch come between its `onEpoch` and the next. */
export interface AgentLinkEvents {
  onEpoch(event: EpochEvent): void;
  /**
   * One line that the agent wrote, without its newline; never empty. `start` and `end` are its byte offsets in the
   * epoch's output, `end` behind the newline.
   */
  onLine(line: Uint8Array, start: number, end: number): void;
  /** A line of the agent's was longer than the limit, and was dropped. */
  onOversizedLine(head: Uint8Array, start: number, end: number): void;
  /** The agent ended; comes behind its last line. A later `send` starts it anew. */
  onExit(exit: AgentExit): void;
  /**
   * `waiting` while an attach is on its way (a microVM starts, a connection is being restored), `attached` when it stands,
   * `idle` when the shell was let go of, by `letGo` or because the service ended it while nothing was open.
   */
  onState(state: 'waiting' | 'attached' | 'idle'): void;
  /** A save was found to have gone otherwise than the one before; of the first, only a failure is told. */
  onSaved(result: SaveResult): void;
  /** The link is of no more use. Last event. */
  onFailed(error: BridgeError): void;
}

/** An agent in a microVM, as a line-based exactly-once channel. Knows nothing of ACP. */
export interface AgentLink {
  /** Connects, and starts the agent where need be, without anything to send. Once is enough. */
  attach(): void;
  /**
   * Sends one line (given without its newline) exactly once to the agent. Connects, and starts the agent, where need be.
   * Returns its ticket, counted up from 1. `urgent` lines overtake all that no byte was sent of.
   */
  send(line: Uint8Array, options?: { urgent?: boolean }): number;
  /**
   * Takes a line back, if the agent can't have seen it whole: true means that it never will. A line that is half sent is
   * poisoned, so that the host drops it.
   */
  withdraw(ticket: number): boolean;
  /**
   * Says what the client has got: all output before `delivered`, but for the lines that start at the offsets in `open`
   * (requests that nobody answered yet). A later process on the same thread begins there.
   */
  acknowledge(delivered: number, open: readonly number[]): void;
  /** The agent said that it got what can't have been sent: asks the host at once what has arrived. */
  verify(): void;
  /** Bytes of lines that were accepted and are not known to have arrived. */
  readonly pendingBytes: number;
  /** Resolves when `pendingBytes` is at most `bytes`, or the link has failed. */
  drained(bytes: number): Promise<void>;
  /** Stops and resumes the flow of `onLine`; memory stays bounded by making the service wait. */
  pause(): void;
  resume(): void;
  /**
   * Takes back all lines of which no byte was sent to the epoch that runs now, in the order in which they would have
   * gone (urgent ones first). Called from `onEpoch`: whoever introduces himself to the new agent first sends them behind
   * that.
   */
  takeBack(): TakenBack[];
  /** Leaves a note for later bridges on this thread. Goes before all that waits; replaces the last one of that kind. */
  note(kind: keyof Notes, text: string): void;
  /**
   * Whether the agent is at rest: no turn is open. Not, at first. When it has been at rest for a second with something
   * new since the last save, what it remembers is saved; and before the shell is let go. While it is not at rest, its
   * databases are not touched. While a turn is open, the host tells others in the microVM so, also when no bridge is there.
   */
  atRest(isAtRest: boolean): void;
  /** Lets go of the shell, after a save where the agent is at rest; the agent goes on. The next `send` or `attach` comes back. */
  letGo(): void;
  /** Ends this epoch's process and starts another one; `cause` is what the new `onEpoch` says. */
  restart(cause: BridgeError): void;
  /** Detaches within `graceMs`, after what was sent has left where that is possible. The agent lives on. */
  close(graceMs: number): Promise<void>;
}
