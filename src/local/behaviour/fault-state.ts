import { FrameFaults } from './frame-faults.ts';
import type { FramePassage } from './frame-faults.ts';
import type { ConnectionFilter, Cut, LateInput, ObservedFrame, UpgradeRefusal } from './faults.ts';

/** An attached connection, as faults use it. */
export interface FaultyConnection {
  readonly sessionId: string;
  readonly shellId: string;
  /** Sends one frame. */
  send(channel: number, payload?: Uint8Array): void;
  /** Breaks the connection. */
  cut(how: Cut): void;
  /** While `on`, nothing is read or written. */
  setBlackhole(on: boolean): void;
}

/** What happens to an upgrade request. */
export type UpgradeFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse'; readonly refusal: UpgradeRefusal }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  | { readonly kind: 'hang' }
  /** STATUS InternalError, then a close frame with this code. */
  | { readonly kind: 'fail'; readonly code: number };

/** The bytes of a burst that pass, and how the connection ends after them, if it does. */
export interface Passage {
  readonly bytes: Uint8Array;
  readonly cut?: Cut;
}

/** What happens to one frame of input, and how the connection ends after it, if it does. */
export interface InputPassage extends FramePassage {
  /** The frame is held until the next connection attaches. */
  readonly late?: LateInput;
  readonly cut?: Cut | undefined;
}

interface ArmedCut {
  readonly direction: 'in' | 'out';
  readonly how: Cut;
  bytesLeft: number;
}

/** The faults that were asked for, as they apply to connections and upgrades. */
export class FaultState {
  readonly connections = new Set<FaultyConnection>();
  readonly #upgrades: UpgradeFault[] = [];
  readonly #cuts: ArmedCut[] = [];
  readonly #observers = new Set<(frame: ObservedFrame) => void>();
  readonly in = new FrameFaults();
  readonly out = new FrameFaults();
  /** Applies to the first connection that sends something. */
  #late: { readonly asked: LateInput; connection?: number; framesLeft: number } | undefined;
  #blackhole: PromiseWithResolvers<void> | undefined;
  /** Bytes that a cut loses. */
  inFlight = { input: 0, output: 0 };
  /** Payload bytes of one frame of output. */
  splitBytes: number | undefined;
  /** Milliseconds for which output is held back. */
  mergeMs = 0;
  /** Milliseconds by which the service's clock is ahead. */
  skewMs = 0;

  /** Milliseconds since the epoch, by the service's clock. */
  now(): number {
    return Date.now() + this.skewMs;
  }

  get blackholed(): boolean {
    return this.#blackhole !== undefined;
  }

  setBlackhole(on: boolean): void {
    if (on) this.#blackhole ??= Promise.withResolvers();
    else {
      this.#blackhole?.resolve();
      this.#blackhole = undefined;
    }
    for (const connection of this.connections) connection.setBlackhole(on);
  }

  /** Resolves when requests get through. */
  async reachable(): Promise<void> {
    await this.#blackhole?.promise;
  }

  addUpgradeFault(fault: UpgradeFault, times = 1): void {
    for (let i = 0; i < times; i += 1) this.#upgrades.push(fault);
  }

  nextUpgrade(): UpgradeFault {
    return this.#upgrades.shift() ?? { kind: 'none' };
  }

  cut(how: Cut, filter: ConnectionFilter = {}): number {
    const hit = this.matching(filter);
    for (const connection of hit) connection.cut(how);
    return hit.length;
  }

  armCut(cut: { readonly direction: 'in' | 'out'; readonly bytes: number; readonly how: Cut }): void {
    this.#cuts.push({ direction: cut.direction, how: cut.how, bytesLeft: cut.bytes });
  }

  armLate(late: LateInput): void {
    this.#late = { asked: late, framesLeft: late.frames };
  }

  /**
   * Applies the faults to one frame of input on its way to a PTY.
   *
   * @param connection its number
   */
  passIn(payload: Uint8Array, connection: number): InputPassage {
    const { bytes, cut } = this.#pass('in', payload);
    const passage = { ...this.in.pass(bytes), cut };
    const late = this.#late;
    if (late === undefined || passage.payloads.length === 0) return passage;
    late.connection ??= connection;
    if (late.connection !== connection || late.framesLeft <= 0) {
      this.#late = undefined;
      return passage;
    }
    late.framesLeft -= 1;
    return { ...passage, late: late.asked, cut: cut ?? (late.framesLeft === 0 ? late.asked.how : undefined) };
  }

  /** Applies the faults to a burst of output on its way to a client, before it is put into frames. */
  passOut(bytes: Uint8Array): Passage {
    return this.#pass('out', bytes);
  }

  observe(frame: ObservedFrame): void {
    for (const observer of this.#observers) observer(frame);
  }

  addObserver(observer: (frame: ObservedFrame) => void): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  matching({ sessionId, shellId }: ConnectionFilter): FaultyConnection[] {
    return [...this.connections].filter(
      (connection) =>
        (sessionId === undefined || connection.sessionId === sessionId) &&
        (shellId === undefined || connection.shellId === shellId),
    );
  }

  #pass(direction: 'in' | 'out', bytes: Uint8Array): Passage {
    const armed = this.#cuts[0];
    if (armed?.direction !== direction) return { bytes };
    const passing = bytes.subarray(0, armed.bytesLeft);
    armed.bytesLeft -= passing.length;
    if (armed.bytesLeft > 0) return { bytes };
    this.#cuts.shift();
    return { bytes: passing, cut: armed.how };
  }
}
