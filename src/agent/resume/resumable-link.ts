import { randomBytes, randomInt } from 'node:crypto';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { monotonicNow } from '../../base/monotonic-now.ts';
import type { Shell, ShellEvents } from '../../shell/shell.ts';
import type { AgentInput, AgentLink, AgentLinkEvents, Notes } from '../agent-link.ts';
import { hostFailure } from '../host/failure.ts';
import type { Begun } from '../host/handshake.ts';
import type { AttachRequest } from '../host/scripts.ts';
import { type Checkpoint, parseExitRecord, parseHostRecord } from '../host/records.ts';
import { SaveResults } from '../keep/save-results.ts';
import { Saves } from './saves.ts';
import { Attachment } from './attachment.ts';
import { CheckpointSchedule } from './checkpoint-schedule.ts';
import { Departure } from './departure.ts';
import { Epoch } from './epoch.ts';
import { InputLog } from './input-log.ts';
import { InputPump } from './input-pump.ts';
import { damaged } from './link-errors.ts';
import { QuietWatch } from './quiet-watch.ts';
import { TurnRecord } from './turn-record.ts';
import { Waiters } from './waiters.ts';

export interface ResumableLinkOptions {
  /** Names the thread's directory in the microVM. */
  readonly shellId: string;
  readonly createShell: (events: ShellEvents) => Shell;
  /** A line of bash that starts the agent. */
  readonly command: string;
  /** The agent's working directory in the microVM; undefined: /mnt/workspace, or else HOME. */
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** What is saved of the agent where the microVM has a persistent mount: paths relative to its HOME. */
  readonly persist: readonly string[];
  /**
   * Directory in the microVM where it is saved. Undefined: on the mount /mnt/workspace, or that of the working
   * directory.
   */
  readonly persistTo: string | undefined;
  /** How long the host waits for storage to be mounted in a new microVM. */
  readonly workspaceTimeoutMs: number;
  /** Longer lines of the agent are dropped. */
  readonly maxLineBytes: number;
  /** The lines for the agent. */
  readonly input: AgentInput;
  readonly events: AgentLinkEvents;
  readonly log: Log;
}

/**
 * The agent link over a shell that may be lost at any time. The host in the microVM keeps input and output in files, as
 * numbered lines; the sizes of these files are the acknowledgements.
 */
export class ResumableLink implements AgentLink {
  readonly #options: ResumableLinkOptions;
  readonly #events: AgentLinkEvents;
  readonly #attachment: Attachment;
  readonly #input: InputLog;
  readonly #pump: InputPump;
  readonly #watch: QuietWatch;
  readonly #waiters = new Waiters();
  readonly #departure = new Departure(this.#waiters);
  readonly #checkpoints = new CheckpointSchedule(() => this.#pump.pump());
  readonly #turn = new TurnRecord({
    write: (isOpen) => this.#input.setNote('turn', isOpen ? '1' : '0'),
    onDue: () => this.#pump.pump(),
  });
  readonly #saves: Saves;
  readonly #saveResults: SaveResults;
  /** Distinguishes the attaches of this process from another's. */
  readonly #id = randomBytes(6).toString('hex');
  #attaches = 0;
  #toldState: 'waiting' | 'attached' | 'idle' = 'idle';
  /** Nonce of the current attach, or of the last one. */
  #nonce = '';
  #epoch: Epoch | undefined;
  /** The note that the user of the link left for later bridges on this thread. */
  #threadNote: string | undefined;

  constructor(options: ResumableLinkOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#input = new InputLog(options.input);
    this.#saveResults = new SaveResults(options.log, (result) => this.#events.onSaved(result));
    this.#attachment = new Attachment({
      createShell: options.createShell,
      log: options.log,
      name: () => ({ nonce: `${this.#id}-${(this.#attaches += 1)}`, key: randomInt(2 ** 31) }),
      isNew: () => this.#known === undefined,
      isWanted: () => this.#isWanted,
      mayStart: () => this.#isWanted,
      request: () => this.#request(),
      start: () => ({
        epoch: randomBytes(6).toString('hex'),
        command: options.command,
        cwd: options.cwd,
        env: options.env,
        persist: options.persist,
        persistTo: options.persistTo,
        workspaceTimeoutMs: options.workspaceTimeoutMs,
      }),
      onAttached: (begun, rest) => this.#onAttached(begun, rest),
      onOutput: (bytes) => this.#onOutput(bytes),
      onDetached: (state) => this.#onDetached(state),
      onTaken: () => this.#onTaken(),
      onFailed: (error) => this.#onFailed(error),
    });
    this.#pump = new InputPump({
      shell: this.#attachment.shell,
      log: this.#input,
      // Once the agent has ended, lines for an agent wait for the next one.
      isForHostAlone: () => this.#epoch?.end !== undefined,
      onInput: () => this.#watch.active(),
      onSent: () => this.#onSent(),
      onFull: () => this.#ask(),
      onAnswer: ({ outSize }) => {
        this.#watch.answered(outSize);
        this.#waiters.look();
        this.#free();
      },
    });
    this.#watch = new QuietWatch({
      isOpen: () => !this.#saves.isAtRest || this.#input.unacknowledgedBytes > 0,
      isOfUse: () => !this.#attachment.isPaused || this.#input.unacknowledgedBytes > 0,
      isAwaited: () => this.#isAnswerAwaited,
      ask: () => {
        if (this.#attachment.isPaused) this.#attachAgain();
        else this.#pump.ask();
      },
      onLoss: (why) => this.#attachAgain(why),
      received: () => this.#epoch?.received ?? 0,
    });
    this.#saves = new Saves(
      () => ({
        hasAgent: this.#epoch !== undefined && this.#epoch.end === undefined,
        leavingBy: this.#departure.deadline,
        isOnRecord: this.#isOnRecord,
      }),
      () => this.#pump.pump(),
    );
  }

  attach(): void {
    if (this.#departure.is === 'rest') this.#stay();
    this.#attachment.attach();
  }

  ready(): void {
    this.#saves.add();
    this.attach();
    this.#pump.pump();
  }

  cutLast(): boolean {
    const isCut = this.#input.cutLast();
    this.#pump.pump();
    return isCut;
  }

  acknowledge(delivered: number, open: readonly number[]): void {
    const checkpoint = this.#epoch?.acknowledge(delivered, open);
    if (checkpoint === undefined) return;
    this.#input.setCheckpoint(checkpoint);
    this.#checkpoints.add();
  }

  verify(): void {
    if (this.#attachment.isAttached) this.#ask();
  }

  get pendingBytes(): number {
    return this.#input.heldBytes;
  }

  drained(bytes: number): Promise<void> {
    const drained = this.#waiters.until(() => this.pendingBytes <= bytes);
    // If all lines were sent, the pump now asks the host whether they have arrived.
    this.#pump.pump();
    return drained;
  }

  pause(): void {
    this.#attachment.isPaused = true;
  }

  resume(): void {
    if (!this.#attachment.isPaused) return;
    this.#attachment.isPaused = false;
    this.#watch.active();
  }

  note(kind: keyof Notes, text: string): void {
    if (kind === 'thread') this.#threadNote = text;
    this.#input.setNote(kind, text);
    this.#saves.add();
    this.#pump.pump();
  }

  atRest(isAtRest: boolean): void {
    if (this.#isOver) return;
    this.#saves.rest(isAtRest);
    this.#turn.set(!isAtRest);
    this.#watch.look();
  }

  letGo(): void {
    if (this.#attachment.state === 'idle' || this.#isOver || this.#departure.is !== undefined) return;
    void this.#depart('rest', monotonicNow() + limits.letGoMs).then((isLeft) => {
      if (!isLeft || this.#isOver) return;
      this.#departure.end();
      this.#saves.stop();
      this.#attachment.rest('nothing is going on');
    });
  }

  restart(cause: BridgeError): void {
    this.#replaceEpoch(cause);
  }

  async close(graceMs: number): Promise<void> {
    if (this.#isOver) return;
    const deadline = monotonicNow() + graceMs;
    if (this.#attachment.state !== 'idle') await this.#depart('good', deadline - limits.closeMs);
    const lines = this.#options.input.waiting();
    if (lines > 0) this.#options.log.warn('left before these messages could be delivered', { lines });
    else if (!this.#isOnRecord) this.#options.log.info('left before the microVM could confirm what was sent');
    this.#end();
    await this.#attachment.shell.close(Math.max(deadline - monotonicNow(), 0));
  }

  #depart(why: 'rest' | 'good', deadline: number): Promise<boolean> {
    const departure = this.#departure.begin(why, deadline, () => this.#canLeave);
    this.#checkpoints.send();
    this.#watch.look();
    return departure;
  }

  /** Cancels leaving the shell, since there is more to send. A save that has begun goes on in the microVM. */
  #stay(): void {
    this.#departure.end();
    if (this.#attachment.state === 'asking') this.#attachAgain('there is more to say');
  }

  /** What the attach that begins now asks of the host. */
  #request(): Omit<AttachRequest, 'nonce' | 'key' | 'attempt'> {
    const epoch = this.#known;
    return {
      ...this.#saves.request(),
      ...(epoch?.freeing.ask(...this.#needed) ?? nothingToFree),
      name: this.#options.shellId,
      epoch: epoch?.id,
      outOffset: epoch?.received ?? 0,
      replace: epoch?.end?.is === 'to-replace' ? epoch.id : undefined,
    };
  }

  /** Offsets of the first bytes of the agent's input and output that a bridge may still ask for. */
  get #needed(): readonly [inNeeded: number, outNeeded: number] {
    const { arrivedCheckpoint, arrivedLines } = this.#input;
    return [arrivedLines, firstNeeded(arrivedCheckpoint)];
  }

  /** Has the host free its disk, if there is enough to free. */
  #free(): void {
    if (this.#attachment.isAttached && this.#epoch?.freeing.isWorthAnAttach(...this.#needed) === true) {
      this.#attachAgain();
    }
  }

  /** The current epoch, unless another bridge has had the agent since. */
  get #known(): Epoch | undefined {
    return this.#epoch?.end?.is === 'taken' ? undefined : this.#epoch;
  }

  /** Whether an agent that is gone, or a shell that the service ended, is to be brought back now. */
  get #isWanted(): boolean {
    const epoch = this.#epoch;
    return epoch === undefined || epoch.end?.is === 'to-replace' || !this.#isAtRest;
  }

  /**
   * Whether no turn is open, and every line for the agent was sent. That a line is unacknowledged is no reason to bring
   * back anything: the host confirms the last lines of a turn up to a second after its end.
   */
  get #isAtRest(): boolean {
    return this.#saves.isAtRest && !this.#input.hasUnsentAgentLines;
  }

  #onTaken(): void {
    if (this.#epoch !== undefined) this.#epoch.end = { is: 'taken' };
    // The note that the other bridge left is newer.
    this.#threadNote = undefined;
    this.#options.log.info('another bridge had this thread meanwhile');
  }

  #onAttached(begun: Begun, rest: Uint8Array): void {
    const { nonce, record, hasStarted } = begun;
    const isFirst = this.#nonce === '' || this.#epoch === undefined;
    this.#nonce = nonce;
    const known = this.#known;
    if (known?.id !== record.epoch) {
      this.#beginEpoch(begun);
      if (this.#isOver) return;
    } else if (known.end?.is === 'to-replace') {
      this.#attachAgain('the agent is to be replaced');
      return;
    } else if (record.outOffset > known.received || !this.#input.acknowledge(record.inSize)) {
      this.#options.log.error('what arrived in the microVM is not what was sent: the agent is started anew');
      this.#replaceEpoch(damaged());
      return;
    }
    this.#saveResults.heard(record.saved);
    const epoch = this.#epoch;
    epoch?.attached();
    epoch?.freeing.done();
    this.#saves.attached();
    const level = isFirst || hasStarted ? 'info' : 'debug';
    this.#options.log[level]('attached', { epoch: record.epoch, started: hasStarted });
    this.#tellState('attached');
    this.#pump.attached(begun);
    this.#watch.start();
    this.#waiters.look();
    this.#onOutput(rest);
    this.#pump.pump();
  }

  #beginEpoch({ record, hasStarted }: Begun): void {
    const last = this.#epoch;
    this.#saves.beginEpoch(record.keeping);
    const epoch = new Epoch(record, this.#options.maxLineBytes, {
      onLine: (line, start, end) => {
        if (this.#tells) this.#events.onLine(line, start, end);
      },
      onOversizedLine: (head, start, end) => {
        if (this.#tells) this.#events.onOversizedLine(head, start, end);
      },
      onHostLine: (payload) => this.#onHostLine(payload),
      onRecord: (line) => this.#onRecord(line),
      onReport: (report) => this.#pump.onReport(report),
      onGap: () => this.#attachAgain('output is missing'),
    });
    this.#epoch = epoch;
    this.#input.beginEpoch(record.inSize);
    // The checkpoint also ends a line that the last bridge left half-written.
    if (!hasStarted) this.#input.setCheckpoint(epoch.checkpoint);
    const thread = this.#threadNote ?? record.notes.thread;
    if (thread !== undefined && thread !== record.notes.thread) this.#input.setNote('thread', thread);
    this.#events.onEpoch({
      epoch: record.epoch,
      origin: hasStarted ? 'started' : 'found',
      cwd: record.cwd,
      cause: last?.causeOfEnd,
      notes: { agent: record.notes.agent, thread },
      keeping: record.keeping,
      environment: record.environment,
    });
    if (!this.#isOver) this.#turn.beginEpoch();
  }

  #onOutput(bytes: Uint8Array): void {
    const epoch = this.#epoch;
    if (epoch === undefined || bytes.length === 0) return;
    const before = epoch.received;
    epoch.push(bytes);
    // Only records of the host came, and no output of the agent.
    if (epoch.received === before) return;
    this.#saves.add();
    this.#watch.active();
    this.#free();
  }

  /**
   * Whether the agent's output is still passed on. Not when the link leaves for good: the host could not be told any
   * more that the client has it.
   */
  get #tells(): boolean {
    return this.#departure.is !== 'good' && !this.#isOver;
  }

  /**
   * Handles a record of the attached host: a failure, or the `begin` of another attach that took the place of this one.
   */
  #onRecord(line: Uint8Array): void {
    const said = parseHostRecord(line);
    if (said?.record?.is === 'fail' && said.nonce === this.#nonce) {
      this.#fail(hostFailure(said.record.what));
    } else if (said?.record?.is === 'begin' && said.nonce !== this.#nonce) {
      this.#attachAgain('a late attach took the place of this one');
    }
  }

  #onHostLine(payload: Uint8Array): void {
    const epoch = this.#epoch;
    const exit = parseExitRecord(payload);
    if (epoch === undefined || exit === undefined) return;
    epoch.end = { is: 'exited' };
    this.#options.log.info('the agent ended', { code: exit.code });
    if (this.#tells) this.#events.onExit(exit);
    this.#pump.pump();
  }

  /** All lines that may go to this agent were sent. */
  #onSent(): void {
    const input = this.#input;
    if (this.#epoch?.end?.is === 'exited' && this.#options.input.waiting() > 0) this.#replaceEpoch(undefined);
    else if (input.unacknowledgedBytes > 0 && this.#isAnswerAwaited) this.#ask();
    else if (this.#saves.isWanted) this.#attachAgain();
    else if (!this.#waiters.isEmpty) void this.#attachment.shell.sent(0).then(() => this.#waiters.look());
  }

  /** Whether somebody waits until the host confirms what was sent. */
  get #isAnswerAwaited(): boolean {
    if (this.#departure.is !== undefined) return !this.#canLeave;
    return !this.#waiters.isEmpty && this.#input.unacknowledgedBytes > 0;
  }

  /** Whether all input is known to have arrived, and everything new is saved. */
  get #canLeave(): boolean {
    return this.#isOnRecord && !this.#saves.isWanted;
  }

  get #isOver(): boolean {
    return this.#attachment.state === 'over';
  }

  get #isOnRecord(): boolean {
    const { end } = this.#epoch ?? {};
    const input = this.#input;
    if (end?.is === 'to-replace') return !input.hasRecord && this.#attachment.shell.unsentBytes === 0;
    const isSent = end === undefined ? !input.hasNext : !input.hasRecord;
    return isSent && input.unacknowledgedBytes === 0;
  }

  /**
   * Asks the host for the sizes. While the output is paused an answer would not be read, so it attaches again: a
   * handshake is always read to its end.
   */
  #ask(): void {
    if (this.#attachment.isPaused) this.#attachAgain();
    else if (!this.#pump.isAsking) this.#pump.ask();
  }

  #attachAgain(why?: string): void {
    const attachment = this.#attachment;
    if (attachment.state !== 'attached' && attachment.state !== 'asking') return;
    if (why !== undefined) this.#options.log.debug('attaching anew', { because: why });
    this.#pump.detached();
    this.#watch.stop();
    attachment.again();
  }

  #replaceEpoch(cause: BridgeError | undefined): void {
    if (this.#epoch === undefined) return;
    this.#epoch.end = { is: 'to-replace', cause };
    this.#attachAgain();
  }

  #tellState(state: 'waiting' | 'attached' | 'idle'): void {
    // An attach on a standing connection does not change the state that was told.
    if (this.#toldState === state) return;
    this.#toldState = state;
    this.#events.onState(state);
  }

  #onDetached(state: 'waiting' | 'idle'): void {
    this.#pump.detached();
    this.#watch.stop();
    this.#tellState(state);
  }

  #fail(error: BridgeError): void {
    if (this.#isOver) return;
    this.#attachment.end();
    void this.#attachment.shell.close(0);
    this.#onFailed(error);
  }

  #onFailed(error: BridgeError): void {
    this.#end();
    this.#events.onFailed(error);
  }

  #end(): void {
    this.#checkpoints.stop();
    this.#saves.stop();
    this.#turn.stop();
    this.#pump.detached();
    this.#watch.stop();
    this.#attachment.end();
    this.#departure.end();
    this.#waiters.close();
  }
}

const limits = {
  /** For the save before the shell is let go. It holds for any amount of data. */
  letGoMs: 20_000,
  /** The part of the time to leave that is reserved for closing the connection. */
  closeMs: 50,
} as const;

const nothingToFree = { inFree: 0, outFree: 0 };

/** Offset of the first byte of output that a bridge may still ask for. */
function firstNeeded(checkpoint: Checkpoint | undefined): number {
  return checkpoint === undefined ? 0 : Math.min(checkpoint.delivered, ...checkpoint.open);
}
