import type {
  AgentInput,
  AgentLink,
  AgentLinkEvents,
  EpochEvent,
  Notes,
  SaveResult,
} from '../../src/agent/agent-link.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { bytesOf, textOf } from './message/json-texts.ts';

/** For a link that has nothing to send. */
export const noInput: AgentInput = { waiting: () => 0, next: () => undefined };

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
  readonly #input: AgentInput;
  #isPulling = false;
  #isRunning = false;
  #isLetGo = false;
  #epochs = 0;
  #offset = 0;

  constructor(input: AgentInput, events: AgentLinkEvents) {
    this.#input = input;
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

  ready(): void {
    this.attach();
    if (!this.isStalled) this.deliver();
  }

  /** Whether the line that was pulled last is half sent. */
  isHalfSent = false;

  cutLast(): boolean {
    if (!this.isHalfSent) return false;
    this.isHalfSent = false;
    this.toAgent.pop();
    return true;
  }

  acknowledge(delivered: number, open: readonly number[]): void {
    this.acknowledged.push({ delivered, open });
  }

  get pendingBytes(): number {
    return 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  pause(): void {}

  resume(): void {}

  restart(cause: BridgeError): void {
    this.restarts.push(cause);
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
    if (!this.#isRunning || this.#isPulling) return;
    this.#isPulling = true;
    for (let pulled = 0; pulled < count; pulled += 1) {
      const line = this.#input.next();
      if (line === undefined) break;
      this.toAgent.push(textOf(line));
    }
    this.#isPulling = false;
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
    this.#events.onExit({ code, stderr });
  }

  /** A save has ended otherwise than the one before. */
  saved(result: SaveResult): void {
    this.#events.onSaved(result);
  }

  fail(error: BridgeError): void {
    this.#isRunning = false;
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
