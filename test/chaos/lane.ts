import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../src/base/log.ts';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import { defaultReadings, type LocalAgentCore } from '../../src/local/options.ts';
import { repository } from '../e2e/bridge-process.ts';
import { Agents } from './agents.ts';
import { Bridge, type Pace } from './bridge.ts';
import { faultKinds } from './faults.ts';
import { faultsOf, Ledger } from './ledger.ts';
import { Random } from './random.ts';
import type { FromAgent } from './wire.ts';

export interface LaneOptions {
  readonly name: string;
  readonly seed: number;
  /** Messages both ways together, and faults: at least so many. */
  readonly messages: number;
  readonly faults: number;
  readonly pace: Pace;
  /** Names of the kinds to choose from; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly onProgress: (lane: Lane) => void;
}

/** What one kind of fault came to. */
export interface Injected {
  count: number;
  /** Milliseconds from the fault, or its end where it has a length, to the answer to a prompt that was sent behind it. */
  readonly recoveries: number[];
}

/**
 * One thread under faults: a local AgentCore, the agent in it, a bridge, and a client with some sessions that each talk in
 * turns. Faults come one after another, when so many messages have passed as the seed says, and the next one not before
 * a prompt was answered that was sent behind the last.
 */
export class Lane {
  readonly options: LaneOptions;
  readonly ledger = new Ledger(() => performance.now());
  readonly agents = new Agents(this.ledger);
  readonly injected = new Map<string, Injected>();
  /** Connections that the service ended since they were too old. */
  hours = 0;
  connections = 0;
  faultsDone = 0;
  bridges = 0;
  local!: LocalAgentCore;
  readonly #random: Random;
  readonly #thread: string;
  #port = 0;
  #sessions: string[] = [];
  #nextId = 1;
  /** The bridge that is talked to; a promise of it while there is none. */
  #bridge: Bridge | undefined;
  #ready = Promise.withResolvers<Bridge>();
  readonly #own = new Map<number, (message: FromAgent) => void>();
  #withdrawn = new Set<number>();
  #probes: { readonly since: number; readonly resolve: () => void }[] = [];
  #cutWaiters: (() => void)[] = [];
  #isDone = false;
  #stuck = Promise.withResolvers<never>();

  constructor(options: LaneOptions) {
    this.options = options;
    this.#random = new Random(options.seed);
    this.#thread = `chaos-${options.seed}-${process.pid}-${options.name}`;
    this.#stuck.promise.catch(() => undefined);
  }

  get messages(): number {
    const { up, down } = this.ledger.tally;
    return up + down;
  }

  /** Runs to its end. Never rejects: what went wrong is in the ledger. */
  async run(): Promise<void> {
    try {
      await this.#start();
      const conversations = this.#sessions.map((session, i) =>
        this.#converse(session, new Random(this.options.seed * 31 + i)),
      );
      await Promise.race([this.#stuck.promise, this.#injectAll()]);
      this.#isDone = true;
      await Promise.race([this.#stuck.promise, this.#within(120_000, Promise.all(conversations), 'the last turns')]);
      await this.#within(20_000, this.agents.report(), 'the agent’s last report');
      const life = this.agents.current;
      if (life === undefined || !this.ledger.isSettled(life)) this.ledger.otherwise('the end is not settled');
    } catch (error) {
      this.ledger.otherwise(error instanceof Error ? error.message : String(error));
    } finally {
      this.#isDone = true;
      await this.#close();
      this.ledger.close();
      this.options.onProgress(this);
    }
  }

  /** The bridge that is talked to now. */
  get bridge(): Bridge | undefined {
    return this.#bridge;
  }

  /** Resolves when a connection was cut by a fault that had been armed; false if that takes too long. */
  async cutSeen(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#cutWaiters.push(resolve);
    return Promise.race([promise.then(() => true), delay(ms).then(() => false)]);
  }

  /** Ends the bridge with this signal, or by the end of its input, and starts another. */
  async replaceBridge(how: 'SIGKILL' | 'SIGTERM' | 'EOF'): Promise<void> {
    const last = this.#takeBridge();
    if (last === undefined) return;
    if (how === 'SIGKILL') {
      last.signal(how);
      await last.exit;
      this.ledger.endBridge('broken');
    } else {
      // What it has not read when the signal comes is not its to deliver.
      const { stdin } = last.child;
      if (how === 'SIGTERM') {
        while ((stdin?.writableLength ?? 0) > 0) await delay(5);
        await delay(100);
      }
      this.ledger.leaving();
      const from = performance.now();
      if (how === 'EOF') last.endInput();
      else last.signal(how);
      await last.exit;
      const tookMs = performance.now() - from;
      if (tookMs > 3000) this.ledger.otherwise(`a bridge took ${Math.round(tookMs)} ms to leave`);
      this.ledger.endBridge(last.stderr.includes('left before') ? 'broken' : 'left');
    }
    await this.#begin(this.#spawn());
  }

  /** Starts a second bridge, by which the first is replaced. */
  async overtakeBridge(): Promise<void> {
    const last = this.#takeBridge();
    if (last === undefined) return;
    this.ledger.leaving();
    let next = this.#spawn(true);
    const introduced = this.#introduce(next);
    const first = await Promise.race([last.exit.then(() => 'last'), next.exit.then(() => 'next')]);
    if (first === 'next') {
      this.ledger.otherwise(`the second bridge ended first: ${next.stderr.slice(-300)}`);
      last.signal('SIGKILL');
      await last.exit;
    }
    this.ledger.endBridge('broken');
    this.ledger.beginBridge();
    next.speak();
    if (first === 'next') {
      next = this.#spawn();
      await this.#begin(next);
    } else {
      await introduced;
      this.#giveBridge(next);
    }
  }

  /** The bridge is expected to give up with this exit code; another one takes its place. */
  async loseBridge(exitCode: number, mend: () => void): Promise<void> {
    const last = this.#takeBridge();
    if (last === undefined) return;
    this.ledger.leaving();
    const code = await last.exit;
    if (code !== exitCode) this.ledger.otherwise(`the bridge ended with ${code}: ${last.stderr.slice(-300)}`);
    mend();
    this.ledger.endBridge('broken');
    await this.#begin(this.#spawn());
  }

  /** Whatever a fault has set is as it was. */
  calm(): void {
    const { faults } = this.local;
    faults.blackhole(false);
    faults.splitOutput(undefined);
    faults.mergeOutput(0);
    faults.skewClock(0);
    faults.loseInFlight({ input: 0, output: 0 });
    faults.changeReadings({ ...defaultReadings, confirmationDelayMs: 300 });
  }

  async #start(): Promise<void> {
    this.local = await startLocalAgentCore({
      imagePaths: [repository],
      log: this.#serviceLog(),
      // The service's hour.
      limits: { connectionMs: serviceHourMs, newSessionsPerSecond: 1000 },
    });
    this.#port = await this.agents.open();
    await this.#begin(this.#spawn());
    const bridge = await this.#ready.promise;
    for (let i = 0; i < sessionCount; i += 1) {
      const { result } = await this.#request(bridge, 'session/new', { cwd: '/x', mcpServers: [] });
      const session = result?.sessionId ?? '';
      this.ledger.addSession(session);
      this.#sessions.push(session);
    }
  }

  #serviceLog(): Log {
    const info: Log['info'] = (message, fields) => {
      if (message === 'attached') this.connections += 1;
      if (message === 'closing' && fields?.['reason'] === 'connection lasted too long') this.hours += 1;
      if (message === 'cutting') for (const wake of this.#cutWaiters.splice(0)) wake();
    };
    return { error: () => undefined, warn: () => undefined, debug: () => undefined, info };
  }

  async #injectAll(): Promise<void> {
    const { faults, messages, only, pace } = this.options;
    const kinds = faultKinds.filter(
      ({ name, paces }) => (paces ?? [pace]).includes(pace) && (only === undefined || only.includes(name)),
    );
    const [first, ...others] = kinds;
    for (let i = 0; i < faults && first !== undefined; i += 1) {
      const at = ((i + this.#random.next()) * messages) / (faults + 1);
      await this.#reached(at);
      const kind = this.#random.weighted([first, ...others]);
      const since = await this.#within(60_000, kind.inject(this, this.#random), kind.name);
      await this.#within(90_000, this.#recovered(since), `the recovery from ${kind.name}`);
      const entry = this.injected.get(kind.name) ?? { count: 0, recoveries: [] };
      entry.count += 1;
      entry.recoveries.push(performance.now() - since);
      this.injected.set(kind.name, entry);
      this.faultsDone += 1;
      this.options.onProgress(this);
    }
    this.calm();
    await this.#reached(messages);
  }

  async #reached(messages: number): Promise<void> {
    let last = -1;
    let lastAt = performance.now();
    while (this.messages < messages) {
      if (this.messages !== last) {
        last = this.messages;
        lastAt = performance.now();
      } else if (performance.now() - lastAt > 90_000) throw new Error('nothing was said for 90 s');
      await delay(2);
    }
  }

  #recovered(since: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#probes.push({ since, resolve });
    return promise;
  }

  async #within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
    const controller = new AbortController();
    const timeout = delay(ms, undefined, { signal: controller.signal }).then(() => {
      throw new Error(`stuck: ${what} takes over ${ms / 1000} s; ${this.#bridge?.stderr.slice(-500) ?? ''}`);
    });
    timeout.catch(() => undefined);
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      controller.abort();
    }
  }

  /** One session: some messages, a prompt, and again when that is answered. */
  async #converse(session: string, random: Random): Promise<void> {
    let resumedBy = this.#bridge;
    for (let isLast = false; !isLast;) {
      const bridge = await this.#ready.promise;
      if (resumedBy !== bridge) {
        const { error } = await this.#request(bridge, 'session/resume', { sessionId: session, cwd: '/x', mcpServers: [] });
        if (error === undefined) resumedBy = bridge;
        else if (error.code !== gone) await delay(50);
        continue;
      }
      isLast = this.#isDone;
      const notifications = isLast ? 1 : random.between(0, 20);
      for (let i = 0; i < notifications && bridge === this.#bridge; i += 1) {
        await bridge.write({
          method: 'session/chaos',
          params: { sessionId: session, n: this.ledger.nextUp(session), pad: 'x'.repeat(padBytes(random)) },
        });
      }
      if (bridge !== this.#bridge) {
        isLast = false;
        continue;
      }
      const how = await this.#prompt(bridge, session, random);
      if (how !== 'answered') isLast = false;
      await this.#keepPace();
    }
  }

  async #prompt(bridge: Bridge, session: string, random: Random): Promise<'answered' | 'refused' | 'gone'> {
    const id = this.#nextId++;
    const n = this.ledger.nextUp(session);
    const sentAt = performance.now();
    const answer = this.ledger.ask(id, session, n);
    void bridge.write({
      id,
      method: 'session/prompt',
      params: {
        sessionId: session,
        prompt: [{ type: 'text', text: 'go' }],
        n,
        updates: random.between(0, 40),
        bytes: padBytes(random),
        ask: random.chance(0.2),
      },
    });
    const how = await answer;
    if (how === 'answered') {
      const isThrough = ({ since }: { since: number }): boolean => sentAt >= since;
      for (const probe of this.#probes.filter(isThrough)) probe.resolve();
      this.#probes = this.#probes.filter((probe) => !isThrough(probe));
    }
    return how;
  }

  /** Says no more than belongs to the faults that are done. */
  async #keepPace(): Promise<void> {
    const { faults, messages } = this.options;
    const isAhead = (): boolean =>
      this.faultsDone < faults && this.messages > ((this.faultsDone + 1.5) * messages) / (faults + 1);
    if (isAhead()) await delay(20);
  }

  #spawn(isHeldBack = false): Bridge {
    this.bridges += 1;
    const bridge: Bridge = new Bridge(
      {
        local: this.local,
        pace: this.options.pace,
        thread: this.#thread,
        agent: [process.execPath, join(import.meta.dirname, 'agent.ts'), String(this.#port)],
        onMessage: (message) => this.#onMessage(bridge, message),
        onStray: (line) => this.ledger.otherwise(`a stray line: ${line}`),
      },
      isHeldBack,
    );
    void bridge.exit.then((code) => {
      if (this.#bridge === bridge) void this.#onUnexpectedEnd(bridge, code);
    });
    return bridge;
  }

  async #onUnexpectedEnd(bridge: Bridge, code: number | null): Promise<void> {
    this.ledger.otherwise(`a bridge ended by itself with ${code}: ${bridge.stderr.slice(-500)}`);
    this.#takeBridge();
    this.ledger.endBridge('broken');
    if (!this.#isDone) await this.#begin(this.#spawn());
  }

  /** Nobody talks to the bridge from now on. Returns it. */
  #takeBridge(): Bridge | undefined {
    const bridge = this.#bridge;
    if (bridge !== undefined) this.#ready = Promise.withResolvers<Bridge>();
    this.#bridge = undefined;
    return bridge;
  }

  #giveBridge(bridge: Bridge): void {
    this.#bridge = bridge;
    this.#ready.resolve(bridge);
  }

  async #begin(bridge: Bridge): Promise<void> {
    this.ledger.beginBridge();
    await this.#introduce(bridge);
    this.#giveBridge(bridge);
  }

  async #introduce(bridge: Bridge): Promise<void> {
    this.#withdrawn = new Set();
    const { error } = await this.#request(bridge, 'initialize', { protocolVersion: 1 });
    if (error !== undefined) this.ledger.otherwise(`initialize: ${error.code} ${error.message} ${bridge.stderr}`);
  }

  /** A request of no number. Comes to an error where the bridge ends. */
  #request(bridge: Bridge, method: string, params: object): Promise<FromAgent> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<FromAgent>();
    this.#own.set(id, resolve);
    void bridge.write({ id, method, params });
    void bridge.exit.then(() => {
      if (this.#own.delete(id)) resolve({ error: { code: gone, message: 'the bridge is gone' } });
    });
    return promise;
  }

  #onMessage(bridge: Bridge, message: FromAgent): void {
    const { id, method, params } = message;
    if (method === undefined) {
      const own = this.#own.get(id ?? -1);
      if (own === undefined) {
        this.ledger.answered(message);
      } else {
        this.#own.delete(id ?? -1);
        own(message);
      }
    } else if (method === 'session/update') {
      this.ledger.update(params ?? {});
    } else if (method === 'session/request_permission') {
      if (this.ledger.asked(params ?? {})) void this.#reply(bridge, id ?? -1, params);
    } else if (method === '$/cancel_request') {
      this.#withdrawn.add(params?.requestId ?? -1);
    }
  }

  async #reply(bridge: Bridge, id: number, params: FromAgent['params']): Promise<void> {
    const { life = '', a = -1 } = params ?? {};
    await delay(id % 20);
    if (bridge !== this.#bridge || this.#withdrawn.has(id)) return;
    this.ledger.replied(life, a);
    void bridge.write({ id, result: { outcome: { outcome: 'selected', optionId: 'yes' }, a } });
  }

  async #close(): Promise<void> {
    const bridge = this.#takeBridge();
    if (bridge !== undefined) {
      bridge.signal('SIGCONT');
      bridge.endInput();
      await Promise.race([bridge.exit, delay(3000)]);
      bridge.signal('SIGKILL');
      await bridge.exit;
    }
    // From here on the agent may end.
    this.ledger.losing();
    this.agents.close();
    await this.local?.close();
  }
}

/** Whether a lane kept its promises. */
export function isWhole(lane: Lane): boolean {
  return faultsOf(lane.ledger.tally) === 0;
}

const sessionCount = 4;
/** The limit of one hour, shrunk. */
export const serviceHourMs = 3000;
/** The code of an answer that never came. */
const gone = 1;

/** Mostly short, sometimes over a frame, seldom far over what a PTY takes at once. */
function padBytes(random: Random): number {
  if (random.chance(0.97)) return random.magnitude(1, 300);
  return random.chance(0.95) ? random.magnitude(300, 20_000) : random.magnitude(20_000, 400_000);
}
