import { monotonicNow } from '../../base/monotonic-now.ts';
import { FloodGate } from './flood-gate.ts';

/**
 * Writes lines, given without their newlines, to the client. Returns how many of them the pipe has taken whole. If that
 * is not all of them, the next one is under way, and the owner of the pipe tells when there is room again.
 */
export type WriteLines = (lines: readonly Uint8Array[]) => number;

export interface ClientOutputEvents {
  /** The client does not read what it was given. */
  onFull(): void;
  /** The client has read everything. */
  onRoom(): void;
}

/**
 * Lines for the client from any number of agents, and how much of each agent's output the client has got with them. A
 * line counts once the pipe has taken it: lines that wait in this process are lost with it.
 */
export class ClientOutput {
  readonly #write: WriteLines;
  readonly #events: ClientOutputEvents;
  readonly #gate = new FloodGate(batchMs);
  #lines: Line[] = [];
  /** Lanes whose position has changed since the client last had all lines. */
  readonly #moved = new Set<Lane>();
  #state: 'idle' | 'due' | 'full' = 'idle';
  /** Whether the client was given more than it has read, and has not caught up yet. */
  #isBehind = false;
  #timer: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;

  constructor(write: WriteLines, events: ClientOutputEvents) {
    this.#write = write;
    this.#events = events;
  }

  /**
   * Makes a lane for the lines that come from one agent's output.
   *
   * @param onProgress called with how much of the epoch's output the client has, in the same turn of the event loop as
   * the write
   */
  lane(onProgress: (delivered: number) => void): OutputLane {
    const lane: Lane = { position: 0, onProgress };
    const move = (): void => {
      this.#moved.add(lane);
      if (this.#state === 'idle') this.#schedule();
    };
    return {
      add: (bytes) => {
        this.#lines.push({ bytes, lane, position: lane.position });
        move();
      },
      moveTo: (position) => {
        lane.position = position;
        move();
      },
      beginEpoch: () => {
        lane.position = 0;
        this.#lines = this.#lines.map((line) => (line.lane === lane ? { ...line, position: 0 } : line));
      },
      report: move,
    };
  }

  /** Adds a line that comes from no agent. */
  add(bytes: Uint8Array): void {
    this.#lines.push({ bytes, lane: undefined, position: 0 });
    this.#schedule();
  }

  /** Writes all lines now, unless the client does not read. */
  flush(): void {
    if (this.#state !== 'full') this.#writeBehind(0);
  }

  /** The pipe has taken the line that was under way, and has room for more. */
  onRoom(): void {
    if (this.#state === 'full') this.#writeBehind(1);
  }

  /** Resolves when the client has all lines, or after `withinMs`. */
  async drained(withinMs: number): Promise<void> {
    this.flush();
    if (this.#lines.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    const timer = setTimeout(resolve, withinMs);
    await promise;
    clearTimeout(timer);
  }

  /** Drops the lines that wait, except one that is under way. */
  stop(): void {
    this.#lines.splice(this.#state === 'full' ? 1 : 0);
    clearTimeout(this.#timer);
  }

  /** Lines of one turn of the event loop are written together. */
  #schedule(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    queueMicrotask(() => {
      if (this.#state !== 'due') return;
      const waitMs = this.#gate.waitMs(monotonicNow(), this.#lines.length);
      if (waitMs > 0) this.#timer = setTimeout(() => this.flush(), waitMs);
      else this.flush();
    });
  }

  /** Writes the lines behind the first `done`, which the client has by now. */
  #writeBehind(done: number): void {
    clearTimeout(this.#timer);
    const lines = this.#lines.slice(done).map(({ bytes }) => bytes);
    this.#gate.pass(monotonicNow(), lines.length);
    const written = this.#lines.splice(0, done + (lines.length > 0 ? this.#write(lines) : 0));
    const isAll = this.#lines.length === 0;
    this.#state = isAll ? 'idle' : 'full';
    this.#report(isAll, written);
    if (this.#isBehind === isAll) this.#catchUp(isAll);
    if (isAll) this.#drained?.();
  }

  #report(isAll: boolean, written: readonly Line[]): void {
    const reached = new Map<Lane, number>();
    for (const [index, { lane, position }] of written.entries()) {
      // Of consecutive lines of one agent, only the last one's position counts.
      if (lane !== undefined && lane !== written[index + 1]?.lane) reached.set(lane, position);
    }
    if (isAll) {
      for (const lane of this.#moved) reached.set(lane, lane.position);
      this.#moved.clear();
    }
    for (const [lane, position] of reached) lane.onProgress(position);
  }

  #catchUp(hasCaughtUp: boolean): void {
    this.#isBehind = !hasCaughtUp;
    if (hasCaughtUp) this.#events.onRoom();
    else this.#events.onFull();
  }
}

/** The lane of one agent's lines to the client. */
export interface OutputLane {
  add(bytes: Uint8Array): void;
  /** The agent's output before `position` is done with, once the lines that were added so far are written. */
  moveTo(position: number): void;
  /** A new epoch has begun, whose output is counted from 0. */
  beginEpoch(): void;
  /** Has `onProgress` called soon, also if no line is to be written. */
  report(): void;
}

interface Lane {
  /** How much of the epoch's output was handled, with or without a line for the client. */
  position: number;
  readonly onProgress: (delivered: number) => void;
}

interface Line {
  readonly bytes: Uint8Array;
  readonly lane: Lane | undefined;
  /** How much of the lane's output the client has, once this line and those before it are written. */
  readonly position: number;
}

/** 100 batches a second leave half of the service's frames for messages to the agent. */
const batchMs = 10;
