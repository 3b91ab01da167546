import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../src/base/log.ts';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import { defaultReadings } from '../../src/local/behaviour/readings.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { repository } from '../e2e/bridge-process.ts';
import { Agents } from './agents.ts';
import { Bridge } from './bridge.ts';
import { Ledger } from './ledger.ts';
import { type FromAgent, marked, type Memory } from './wire.ts';

export interface StageOptions {
  /** The key of the thread. */
  readonly thread: string;
  /** The script that the bridge is. */
  readonly program: string;
  readonly memory: Memory;
  /** Milliseconds that the service lets a connection last. */
  readonly connectionMs: number;
  /** Whether the bridge can tell what it holds. Default false. */
  readonly reports?: boolean;
  /** Of the bridge, besides those that reach the service. */
  readonly args?: readonly string[];
}

/** One thread: a local AgentCore, the agent in it, the bridge that is there now, and the client's side of it. */
export class Stage {
  readonly ledger: Ledger;
  readonly agents: Agents;
  local!: LocalAgentCore;
  /** Connections that the service ended since they were too old. */
  hours = 0;
  connections = 0;
  bridges = 0;
  /** Second bridges that had to leave the thread to the first. */
  drivenOut = 0;
  readonly #options: StageOptions;
  #port = 0;
  #bridge: Bridge | undefined;
  #ready = Promise.withResolvers<Bridge>();
  #nextId = 1;
  #nextMark = 1;
  /** Requests that are not in the books. */
  readonly #own = new Map<number, (message: FromAgent) => void>();
  /** Who waits for an entry of the service's log. */
  #serviceWaiters: { readonly entry: string; readonly wake: () => void }[] = [];
  #isClosing = false;

  constructor(options: StageOptions) {
    this.#options = options;
    this.ledger = new Ledger(() => performance.now(), options.memory);
    this.agents = new Agents(this.ledger);
  }

  /** Starts everything, and opens so many sessions. Resolves to their names. */
  async start(sessions: number): Promise<string[]> {
    this.local = await startLocalAgentCore({
      imagePaths: [repository],
      log: this.#serviceLog(),
      limits: { connectionMs: this.#options.connectionMs, newSessionsPerSecond: 1000 },
    });
    this.#port = await this.agents.open();
    await this.#begin(this.#spawn());
    const bridge = await this.ready;
    const names: string[] = [];
    for (let i = 0; i < sessions; i += 1) {
      const { result } = await this.request(bridge, 'session/new', { cwd: '/x', mcpServers: [] });
      const name = result?.sessionId;
      if (name === undefined) throw new Error(`no session: ${bridge.stderr.slice(-500)}`);
      this.ledger.addSession(name);
      names.push(name);
    }
    return names;
  }

  /** The bridge that is talked to now. */
  get bridge(): Bridge | undefined {
    return this.#bridge;
  }

  /** Resolves to it as soon as there is one. */
  get ready(): Promise<Bridge> {
    return this.#ready.promise;
  }

  /** Messages both ways. */
  get messages(): number {
    const { up, down } = this.ledger.tally;
    return up + down;
  }

  /** Tells the bridge to tell the agent something that has no answer. Resolves when there is room for more. */
  async say(bridge: Bridge, session: string, bytes: number): Promise<void> {
    const n = this.ledger.nextUp(session);
    const params = { sessionId: session, s: this.ledger.numberOf(session), n, pad: 'x'.repeat(bytes) };
    await bridge.write(marked(this.#nextMark++, { method: 'session/chaos', params }));
  }

  /** Prompts. Resolves when that is answered, or can't be any more. */
  prompt(
    bridge: Bridge,
    session: string,
    turn: { readonly updates: number; readonly bytes: number; readonly ask: boolean },
  ): Promise<'answered' | 'refused' | 'gone'> {
    const id = this.#nextId++;
    const n = this.ledger.nextUp(session);
    const answer = this.ledger.ask(id, session, n);
    const s = this.ledger.numberOf(session);
    const params = { sessionId: session, prompt: [{ type: 'text', text: 'go' }], s, n, ...turn };
    void bridge.write(marked(this.#nextMark++, { id, method: 'session/prompt', params }));
    return answer;
  }

  /** Finds a session again at another bridge, as the agent lets clients do it. Comes to an error where the bridge ends. */
  async reopen(bridge: Bridge, session: string): Promise<FromAgent> {
    const params = { sessionId: session, cwd: '/x', mcpServers: [] };
    if (this.#options.memory !== 'load') return this.request(bridge, 'session/resume', params);
    this.ledger.loading(session);
    const reply = await this.request(bridge, 'session/load', params);
    if (reply.error === undefined) this.ledger.loaded(session);
    return reply;
  }

  /** A request that has no number. Comes to an error where the bridge ends. */
  request(bridge: Bridge, method: string, params: object): Promise<FromAgent> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<FromAgent>();
    this.#own.set(id, resolve);
    void bridge.write({ id, method, params });
    void bridge.exit.then(() => {
      if (this.#own.delete(id)) resolve({ error: { code: gone, message: 'the bridge is gone' } });
    });
    return promise;
  }

  /** Resolves when a fault that had been armed has happened, by the service's log; to false if that takes too long. */
  happened(
    entry: 'cutting' | `${'dropping' | 'doubling'} ${'input' | 'output'}`,
    ms: number,
  ): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#serviceWaiters.push({ entry, wake: resolve });
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
      await this.#haveLeft(last, how);
    }
    await this.#begin(this.#spawn());
  }

  /** Starts a second bridge, by which the first is replaced. */
  async overtakeBridge(): Promise<void> {
    const last = this.#takeBridge();
    if (last === undefined) return;
    this.ledger.leaving();
    const next = this.#spawn(true);
    const introduced = this.#introduce(next);
    const winner = await Promise.race([last.exit.then(() => next), next.exit.then(() => last)]);
    if (winner === last) {
      // The first was without a connection, and came back to take the shell from the second.
      this.drivenOut += 1;
      last.signal('SIGKILL');
      await last.exit;
      this.ledger.endBridge('broken');
      await this.#begin(this.#spawn());
      return;
    }
    this.ledger.endBridge('broken');
    this.ledger.beginBridge();
    next.speak();
    await introduced;
    this.#giveBridge(next);
  }

  /** Whatever faults have set is as it was. */
  calm(): void {
    const { faults } = this.local;
    faults.blackhole(false);
    faults.splitOutput(undefined);
    faults.mergeOutput(0);
    faults.skewClock(0);
    faults.dropInput({ frames: 0 });
    faults.dropOutput({ frames: 0 });
    faults.lateInput({ frames: 0, how: 'rst' });
    for (const direction of ['in', 'out'] as const) {
      faults.double(direction, { frames: 0 });
      faults.delay(direction, { frames: 0, milliseconds: 0 });
    }
    faults.loseInFlight({ input: 0, output: 0 });
    faults.changeReadings(defaultReadings);
  }

  /** What the agent has seen and written is in the books, if nothing is under way any more. */
  async settle(): Promise<void> {
    await this.agents.report();
    const life = this.agents.current;
    if (life === undefined || !this.ledger.isSettled(life)) this.ledger.otherwise('the end is not settled');
  }

  /** Ends everything, and closes the books. */
  async close(): Promise<void> {
    this.#isClosing = true;
    // The agent may end from here on.
    this.ledger.losing();
    const bridge = this.#takeBridge();
    if (bridge !== undefined) {
      bridge.signal('SIGCONT');
      bridge.endInput();
      await Promise.race([bridge.exit, delay(3000)]);
      bridge.signal('SIGKILL');
      await bridge.exit;
    }
    this.agents.close();
    await this.local?.close();
    this.ledger.close();
  }

  #serviceLog(): Log {
    const info: Log['info'] = (message, fields) => {
      if (message === 'attached') this.connections += 1;
      if (message === 'closing' && fields?.['reason'] === 'connection lasted too long') this.hours += 1;
      for (const { entry, wake } of this.#serviceWaiters) if (entry === message) wake();
      this.#serviceWaiters = this.#serviceWaiters.filter(({ entry }) => entry !== message);
    };
    return { error: () => undefined, warn: () => undefined, debug: () => undefined, info };
  }

  #spawn(isHeldBack = false): Bridge {
    this.bridges += 1;
    const { program, memory, thread, args = [], reports = false } = this.#options;
    const bridge: Bridge = new Bridge(
      {
        local: this.local,
        program,
        reports,
        args: ['--thread', thread, ...args],
        agent: [process.execPath, join(import.meta.dirname, 'agent.ts'), String(this.#port), memory],
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
    if (!this.#isClosing) await this.#begin(this.#spawn());
  }

  async #haveLeft(bridge: Bridge, how: 'SIGTERM' | 'EOF'): Promise<void> {
    // What it has not read when the signal comes is not its to deliver.
    if (how === 'SIGTERM') {
      while ((bridge.child.stdin?.writableLength ?? 0) > 0) await delay(5);
      await delay(100);
    }
    this.ledger.leaving();
    const from = performance.now();
    if (how === 'EOF') bridge.endInput();
    else bridge.signal(how);
    await bridge.exit;
    const tookMs = performance.now() - from;
    if (tookMs > 3000) this.ledger.otherwise(`a bridge took ${Math.round(tookMs)} ms to leave`);
    this.ledger.endBridge(bridge.stderr.includes('left before') ? 'broken' : 'left');
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
    const { error } = await this.request(bridge, 'initialize', { protocolVersion: 1 });
    if (error !== undefined && error.code !== gone) {
      this.ledger.otherwise(`initialize: ${error.code} ${error.message}`);
    }
  }

  #onMessage(bridge: Bridge, message: FromAgent): void {
    const { id = -1, method, params = {} } = message;
    switch (method) {
      case undefined: {
        const own = this.#own.get(id);
        if (own === undefined) this.ledger.answered(message);
        else own(message);
        this.#own.delete(id);
        break;
      }
      case 'session/update':
        if (params.h === undefined) this.ledger.update(params);
        else this.ledger.past(params);
        break;
      case 'session/request_permission':
        if (this.ledger.asked(params)) void this.#reply(bridge, id, params);
        break;
      case '$/cancel_request':
        bridge.withdrawn.add(params.requestId ?? -1);
        break;
      default:
        this.ledger.otherwise(`a stray method: ${method.slice(0, 100)}`);
    }
  }

  /** The person takes a moment to choose. */
  async #reply(
    bridge: Bridge,
    id: number,
    { life = '', a = -1 }: NonNullable<FromAgent['params']>,
  ): Promise<void> {
    await delay(id % 20);
    if (bridge !== this.#bridge || bridge.withdrawn.has(id)) return;
    this.ledger.replied(life, a);
    const result = { outcome: { outcome: 'selected', optionId: 'yes' }, a };
    void bridge.write(marked(this.#nextMark++, { id, result }));
  }
}

/** The code of an answer that never came. */
export const gone = 1;
