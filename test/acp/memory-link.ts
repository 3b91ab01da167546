import type {
  AgentLink,
  AgentLinkEvents,
  EpochEvent,
  Notes,
  SaveResult,
  TakenBack,
} from '../../src/agent/agent-link.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { bytesOf, textOf } from './message/json-texts.ts';

interface Queued {
  readonly ticket: number;
  readonly line: string;
  readonly isUrgent: boolean;
}

/** For a link to which nobody listens. */
export const unheard: AgentLinkEvents = {
  onEpoch: () => undefined,
  onLine: () => undefined,
  onOversizedLine: () => undefined,
  onExit: () => undefined,
  onState: () => undefined,
  onSaved: () => undefined,
  onFailed: () => undefined,
};

/** An agent link that keeps the contract without a microVM: the test plays the agent and what becomes of it. */
export class MemoryLink implements AgentLink {
  /** Lines that the agent got, over all its lives. */
  readonly toAgent: string[] = [];
  readonly acknowledged: { delivered: number; open: readonly number[] }[] = [];
  /** Whether lines wait instead of reaching the agent at once. */
  isStalled = false;
  isAttached = false;
  isClosed = false;
  isAtRest = false;
  /** How often the shell was let go. */
  lettings = 0;
  readonly restarts: BridgeError[] = [];
  notes: Notes = { agent: undefined, thread: undefined };
  readonly #events: AgentLinkEvents;
  #queue: Queued[] = [];
  #lastTicket = 0;
  #lastBound = 0;
  #isRunning = false;
  #isLetGo = false;
  #hasFailed = false;
  #epochs = 0;
  #offset = 0;
  #drained: (() => void)[] = [];

  constructor(events: AgentLinkEvents) {
    this.#events = events;
  }

  /** How often it was asked what has arrived. */
  verifications = 0;

  verify(): void {
    this.verifications += 1;
  }

  attach(): void {
    this.isAttached = true;
    if (!this.#isLetGo) return;
    this.#isLetGo = false;
    this.#events.onState('waiting');
  }

  send(line: Uint8Array, { urgent = false }: { urgent?: boolean } = {}): number {
    this.attach();
    this.#lastTicket += 1;
    const queued = { ticket: this.#lastTicket, line: textOf(line), isUrgent: urgent };
    const firstOrdinary = this.#queue.findIndex(({ isUrgent }) => !isUrgent);
    this.#queue.splice(urgent && firstOrdinary >= 0 ? firstOrdinary : this.#queue.length, 0, queued);
    if (!this.isStalled) this.deliver();
    return queued.ticket;
  }

  withdraw(ticket: number): boolean {
    const index = this.#queue.findIndex((queued) => queued.ticket === ticket);
    if (index >= 0) this.#queue.splice(index, 1);
    return index >= 0;
  }

  acknowledge(delivered: number, open: readonly number[]): void {
    this.acknowledged.push({ delivered, open });
  }

  get pendingBytes(): number {
    return this.#queue.reduce((sum, { line }) => sum + line.length, 0);
  }

  drained(bytes: number): Promise<void> {
    if (this.#hasFailed || this.pendingBytes <= bytes) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  pause(): void {}

  resume(): void {}

  restart(cause: BridgeError): void {
    this.restarts.push(cause);
  }

  takeBack(): TakenBack[] {
    return this.#queue
      .splice(0)
      .map(({ ticket, line, isUrgent }) => ({ ticket, line: bytesOf(line), urgent: isUrgent }));
  }

  note(kind: keyof Notes, text: string): void {
    this.notes = { ...this.notes, [kind]: text };
  }

  atRest(isAtRest: boolean): void {
    this.isAtRest = isAtRest;
  }

  letGo(): void {
    this.lettings += 1;
    this.#isLetGo = true;
  }

  /** The shell that was let go of is attached to again, and the agent is still there. */
  comeBack(): void {
    this.#events.onState('attached');
    this.isStalled = false;
    this.deliver();
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  /** The link comes to be attached to another life of the agent. */
  begin(event: Partial<EpochEvent> = {}): void {
    this.#epochs += 1;
    this.#offset = 0;
    this.notes = { ...this.notes, agent: undefined };
    this.#isRunning = true;
    this.#events.onEpoch({
      epoch: String(this.#epochs),
      origin: 'started',
      cwd: '/mnt/workspace',
      lostThrough: this.#epochs === 1 ? 0 : this.#lastBound,
      cause: undefined,
      notes: this.notes,
      keeping: 'kept',
      environment: 'found',
      ...event,
    });
    if (!this.isStalled) this.deliver();
  }

  /** What waits reaches the agent, or the first `count` lines of it. */
  deliver(count = Number.POSITIVE_INFINITY): void {
    if (!this.#isRunning) return;
    for (const { ticket, line, isUrgent } of this.#queue.splice(0, count)) {
      if (!isUrgent) this.#lastBound = ticket;
      this.toAgent.push(line);
    }
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** The agent writes a line. */
  say(line: string | Uint8Array): void {
    const bytes = typeof line === 'string' ? bytesOf(line) : line;
    const start = this.#offset;
    this.#offset += bytes.length + 1;
    this.#events.onLine(bytes, start, this.#offset);
  }

  sayOversized(head: string, bytes: number): void {
    const start = this.#offset;
    this.#offset += bytes + 1;
    this.#events.onOversizedLine(bytesOf(head), start, this.#offset);
  }

  /** The agent ends. */
  exit(code: number, stderr = ''): void {
    this.#isRunning = false;
    this.#events.onExit({ code, stderr, lostThrough: this.#lastBound });
  }

  /** A save has ended otherwise than the one before. */
  saved(result: SaveResult): void {
    this.#events.onSaved(result);
  }

  fail(error: BridgeError): void {
    this.#isRunning = false;
    for (const resolve of this.#drained.splice(0)) resolve();
    this.#hasFailed = true;
    this.#events.onFailed(error);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Takes what the agent got since the last time. */
  takeToAgent(): string[] {
    return this.toAgent.splice(0);
  }
}
