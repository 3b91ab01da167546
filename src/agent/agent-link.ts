import type { BridgeError } from '../base/errors.ts';

/** How an agent process ended. */
export interface AgentExit {
  /** Exit status; 128 + N for signal N, as shells count. */
  readonly code: number;
  /** The end of what it wrote to stderr, as text, at most 2,000 bytes of it. */
  readonly stderr: string;
}

/** What earlier bridges left for later ones. This layer does not read it: text, up to 256 KB each. */
export interface Notes {
  /** Of this life of the agent: lost with it. */
  readonly agent: string | undefined;
  /** Of the thread: kept for its next agents and, where a persistent mount is, for its next microVMs. */
  readonly thread: string | undefined;
}

/**
 * The source of the lines for the agent. The link pulls a line when it can send it, and binds it to the current epoch: the
 * line reaches the agent exactly once, or is lost with the epoch. It is never sent in another epoch.
 */
export interface AgentInput {
  /** Number of lines that wait for the current agent. `next` may find that it has to hold some of them back. */
  waiting(): number;
  /** Removes and returns the next line, without its newline. Undefined if there is none. It may call the link. */
  next(): Uint8Array | undefined;
}

/** What the microVM provides for its agent, as the host told it. */
export interface Provisions {
  /**
   * Whether what the agent remembers is kept beyond the microVM: `kept`, or the reason why not. `no-mount`: no
   * persistent mount. `no-tar`: no tar in the image. `late`: storage was not mounted in time.
   */
  readonly keeping: 'kept' | 'no-mount' | 'no-tar' | 'late';
  /** Whether the host could read the image's environment and pass it to the agent. */
  readonly environment: 'found' | 'none';
}

/**
 * The link is attached to another life of the agent process than before, or to one that another bridge has had
 * meanwhile.
 */
export interface EpochEvent extends Provisions {
  readonly epoch: string;
  /** `started`: this attach started the process. `found`: the process ran before this link attached. */
  readonly origin: 'started' | 'found';
  /** The agent's working directory in the microVM. It never changes for a thread. */
  readonly cwd: string;
  /** Why the lines of earlier epochs are lost. Undefined if there were none, or if their agent ended by itself. */
  readonly cause: BridgeError | undefined;
  readonly notes: Notes;
}

/** Result of a save: `full`, its storage has no room; `failed`, it failed for another reason. */
export type SaveResult = 'ok' | 'full' | 'failed';

/**
 * Events of the link. The lines of an epoch come between its `onEpoch` and the next. Lines that are pulled between the two
 * are bound to that epoch.
 */
export interface AgentLinkEvents {
  onEpoch(event: EpochEvent): void;
  /**
   * One line that the agent wrote, without its newline; never empty. `start` and `end` are its byte offsets in the
   * epoch's output, `end` behind the newline.
   */
  onLine(line: Uint8Array, start: number, end: number): void;
  /** A line of the agent exceeded the limit and was dropped. `head` is its beginning. */
  onOversizedLine(head: Uint8Array, start: number, end: number): void;
  /**
   * The agent ended; called behind its last line. Lines that were pulled and that it did not act on are lost. The agent is
   * started again when the input has lines, or by `restart`.
   */
  onExit(exit: AgentExit): void;
  /**
   * `waiting`: an attach is under way, since a microVM starts or a connection is being restored. `attached`: it has
   * succeeded. `idle`: the shell was let go of, by `letGo` or because the service ended it while nothing was open.
   */
  onState(state: 'waiting' | 'attached' | 'idle'): void;
  /** A save had another result than the one before. The first save is reported only if it failed. */
  onSaved(result: SaveResult): void;
  /** The link has failed and does nothing more. Last event. */
  onFailed(error: BridgeError): void;
}

/** An agent in a microVM, as a line-based exactly-once channel. Knows nothing of ACP. */
export interface AgentLink {
  /** Connects, and starts the agent if necessary, without sending anything. Further calls change nothing. */
  attach(): void;
  /** Tells the link that the input has lines. It connects, and starts the agent, if necessary. */
  ready(): void;
  /**
   * Cuts the line that was pulled last, unless all of it was sent. True means that the agent never sees it: the part that
   * was sent is marked, so that the host drops it. False means that the agent may have seen it whole.
   */
  cutLast(): boolean;
  /**
   * Records how far the client has got: it has all output before `delivered`, and has not answered the requests that
   * start at the offsets in `open`. A later process on the same thread begins there.
   */
  acknowledge(delivered: number, open: readonly number[]): void;
  /** The agent says that it could not read a line: asks the host at once what has arrived. */
  verify(): void;
  /** Bytes of lines that were pulled and are not known to have arrived. */
  readonly pendingBytes: number;
  /** Resolves when `pendingBytes` is at most `bytes`, or the link has failed. */
  drained(bytes: number): Promise<void>;
  /**
   * Stops and resumes `onLine`. While it is stopped, the connection is not read, so that the service waits and memory
   * stays bounded.
   */
  pause(): void;
  resume(): void;
  /**
   * Leaves a note for later bridges on this thread. It is sent before all lines that wait, and replaces the last one of
   * its kind.
   */
  note(kind: keyof Notes, text: string): void;
  /**
   * Says whether the agent is at rest, which means that no turn is open. Initially it is not. After a second at rest,
   * and before the shell is let go, what the agent remembers is saved if there is something new. While the agent is not
   * at rest, its databases are not saved. While a turn is open, the host tells other programs in the microVM so, also
   * when no bridge is attached.
   */
  atRest(isAtRest: boolean): void;
  /**
   * Lets go of the shell, after a save if the agent is at rest. The agent goes on. The next `ready` or `attach` connects
   * again.
   */
  letGo(): void;
  /** Ends this epoch's process and starts another one. The next `onEpoch` gives `cause`. */
  restart(cause: BridgeError): void;
  /** Detaches within `graceMs`. Lines that wait are sent before that if possible. The agent goes on. */
  close(graceMs: number): Promise<void>;
}
