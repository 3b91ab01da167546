import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { converseInAll } from './conversation.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { integrityKinds } from './integrity-faults.ts';
import { faultsOf } from './ledger.ts';
import type { Pace } from './programs.ts';
import { Random } from './random.ts';
import { Stage } from './stage.ts';
import type { Memory } from './wire.ts';

export interface LaneOptions {
  readonly name: string;
  readonly seed: number;
  /** Messages both ways together: at least so many. */
  readonly messages: number;
  readonly faults: number;
  readonly pace: Pace;
  /** What that is. */
  readonly program: string;
  readonly memory: Memory;
  /** Names of the kinds to choose from; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Of the bridge, besides those that reach the service. */
  readonly args: readonly string[];
  /** A fault was got over, or the end is there. */
  readonly onProgress: () => void;
}

/** What one kind of fault came to. */
export interface Injected {
  count: number;
  /** Milliseconds from the fault, or its end where it has a length, to the answer to a prompt that was sent behind it. */
  readonly recoveries: number[];
}

/** The service's limit of one hour, shrunk. */
export const serviceHourMs = 6500;

/**
 * One thread under faults, some sessions talking at once. The seed says of which kind the faults are and behind how many
 * messages they come; the next one never before a prompt was answered that was sent behind the last.
 */
export class Lane {
  readonly options: LaneOptions;
  readonly stage: Stage;
  readonly injected = new Map<string, Injected>();
  faultsDone = 0;
  readonly #random: Random;
  #probes: { readonly since: number; readonly resolve: () => void }[] = [];
  #isOver = false;
  /** The latest faults. */
  #last: string[] = [];

  constructor(options: LaneOptions) {
    const { seed, name, program, memory, args } = options;
    this.options = options;
    this.#random = new Random(seed);
    this.stage = new Stage({
      thread: `chaos-${seed}-${process.pid}-${name}`,
      program,
      memory,
      connectionMs: serviceHourMs,
      args,
    });
  }

  /** Whether all promises were kept, so far. */
  get isWhole(): boolean {
    return faultsOf(this.stage.ledger.tally) === 0;
  }

  /** Runs to the end. Never rejects: what went wrong is in the books. */
  async run(): Promise<void> {
    const { seed } = this.options;
    const { stage } = this;
    try {
      const sessions = await within(60_000, stage.start(4), 'the start');
      const conversations = converseInAll(sessions, seed, {
        stage,
        updates: 40,
        isOver: () => this.#isOver,
        onTurn: (beganAt) => this.#onTurn(beganAt),
      });
      await Promise.race([this.#injectAll(), conversations]);
      this.#isOver = true;
      await within(120_000, conversations, 'the last turns');
      await within(20_000, stage.settle(), 'the last report');
    } catch (error) {
      this.#isOver = true;
      stage.ledger.otherwise(
        `${String(error)} (last faults: ${this.#last.join(', ')}); the bridge: ${stage.bridge?.stderr ?? 'none'}`,
      );
    }
    await stage.close();
    this.options.onProgress();
  }

  get #kinds(): readonly FaultKind[] {
    const { only } = this.options;
    const all = [...faultKinds, ...integrityKinds];
    return only === undefined ? all : all.filter(({ name }) => only.includes(name));
  }

  async #injectAll(): Promise<void> {
    const { faults, messages, pace } = this.options;
    const [first, ...others] = this.#kinds.filter(({ paces }) => (paces ?? [pace]).includes(pace));
    if (first === undefined) throw new Error('no kind of fault is left to choose from');
    for (let i = 0; i < faults; i += 1) {
      await this.#reached(((i + this.#random.next()) * messages) / (faults + 1));
      const { name, inject } = this.#random.weighted([first, ...others]);
      this.#last = [...this.#last.slice(-5), name];
      const since = await within(60_000, inject(this.stage, this.#random), name);
      await within(90_000, this.#answeredSince(since), `the recovery from ${name}`);
      const entry = this.injected.get(name) ?? { count: 0, recoveries: [] };
      entry.count += 1;
      entry.recoveries.push(performance.now() - since);
      this.injected.set(name, entry);
      this.faultsDone += 1;
      this.options.onProgress();
    }
    this.stage.calm();
    await this.#reached(messages);
  }

  async #reached(messages: number): Promise<void> {
    let last = -1;
    let lastAt = 0;
    while (this.stage.messages < messages) {
      const now = performance.now();
      if (this.stage.messages !== last) {
        last = this.stage.messages;
        lastAt = now;
      } else if (now - lastAt > 90_000) {
        throw new Error('stuck: nothing was said for 90 s');
      }
      await delay(2);
    }
  }

  #answeredSince(since: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#probes.push({ since, resolve });
    return promise;
  }

  /** Holds back what belongs to faults that are still to come. */
  async #onTurn(beganAt: number): Promise<void> {
    for (const { since, resolve } of this.#probes) if (beganAt >= since) resolve();
    this.#probes = this.#probes.filter(({ since }) => beganAt < since);
    const { faults, messages } = this.options;
    const isAhead = this.stage.messages > ((this.faultsDone + 1.5) * messages) / (faults + 1);
    if (isAhead && this.faultsDone < faults) await delay(20);
  }
}

async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  const controller = new AbortController();
  const timeout = delay(ms, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`stuck: ${what} takes over ${ms / 1000} s`);
  });
  timeout.catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    controller.abort();
  }
}
