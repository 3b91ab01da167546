import { randomBytes } from 'node:crypto';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { monotonicNow } from '../../base/monotonic-now.ts';
import type { ShellClose } from '../../shell/close-codes.ts';
import type { Shell, ShellEvents } from '../../shell/shell.ts';
import type { AgentLink, AgentLinkEvents, Notes, TakenBack } from '../agent-link.ts';
import { CheckpointSchedule } from './checkpoint-schedule.ts';
import { Confirmation } from './confirmation.ts';
import { Epoch } from './epoch.ts';
import { type BeginRecord, Handshake } from '../host/handshake.ts';
import { hostFailure } from '../host/failure.ts';
import type { AttachRequest } from '../host/scripts.ts';
import { type Checkpoint, type Keeping, parseExitRecord } from '../host/records.ts';
import { damaged, silent } from './link-errors.ts';
import { Outbox } from './input-log.ts';
import { SaveResults } from '../keep/save-results.ts';
import { SaveSchedule } from '../keep/save-schedule.ts';
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
  /** What of the agent is kept where the microVM has a persistent mount: paths relative to its HOME. */
  readonly persist: readonly string[];
  /** Where it is kept: a directory in the microVM. Undefined: on the mount /mnt/workspace, or that of the working directory. */
  readonly persistTo: string | undefined;
  /** How long storage may take to be mounted in a new microVM. */
  readonly workspaceTimeoutMs: number;
  /** A longer line of the agent's is dropped. */
  readonly maxLineBytes: number;
  readonly events: AgentLinkEvents;
  readonly log: Log;
}

/**
 * The agent link over a shell that comes and goes. The host in the microVM keeps all that was said in files, and their
 * sizes are the acknowledgements: first attach, reconnect, takeover and a lost shell are one path, `#onBegin`.
 */
export class ResumableLink implements AgentLink {
  readonly #options: ResumableLinkOptions;
  readonly #events: AgentLinkEvents;
  readonly #shell: Shell;
  readonly #handshake: Handshake;
  readonly #outbox = new Outbox();
  /** Tells this process's attaches from another's. */
  readonly #id = randomBytes(6).toString('hex');
  #attaches = 0;
  #state: State = 'idle';
  #epoch: Epoch | undefined;
  #silentConnections = 0;
  #isPumping = false;
  #isPaused = false;
  #leaving: Leaving | undefined;
  #keeping: Keeping = 'no-mount';
  readonly #confirmation: Confirmation;
  readonly #checkpoints = new CheckpointSchedule(() => this.#pump());
  readonly #saves = new SaveSchedule(() => this.#pump());
  readonly #saveResults: SaveResults;
  readonly #turn = new TurnRecord({
    write: (isOpen) => this.#outbox.setNote('turn', isOpen ? '1' : '0'),
    onDue: () => this.#pump(),
  });
  readonly #waiters = new Waiters();
  /** What was new when the attach that is under way asked for a save. */
  #asksToSave: number | undefined;
  /** What our user left for later bridges on the thread. */
  #threadNote: string | undefined;

  constructor(options: ResumableLinkOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#saveResults = new SaveResults(options.log, (result) => this.#events.onSaved(result));
    this.#shell = options.createShell({
      onOpen: () => this.#handshake.begin(),
      onStatus: (status) => this.#handshake.onStatus(status),
      onOutput: (bytes) => this.#onOutput(bytes),
      onClose: (close) => this.#onClose(close),
      onFailed: (error) => this.#fail(error),
    });
    this.#confirmation = new Confirmation({
      shell: this.#shell,
      onReady: () => {
        this.#waiters.look();
        if (this.#isConfirmationAwaited || this.#isMuchUnconfirmed) this.#attachAgain();
      },
    });
    this.#handshake = new Handshake({
      write: (bytes) => this.#shell.write(bytes),
      nonce: () => `${this.#id}-${(this.#attaches += 1)}`,
      isNew: () => this.#known === undefined,
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
      onBegin: (record, hasStarted, rest) => this.#onBegin(record, hasStarted, rest),
      onTaken: () => this.#onTaken(),
      onFail: (what) => this.#fail(hostFailure(what)),
      onSilence: () => this.#onSilence(),
    });
  }

  attach(): void {
    if (this.#leaving?.for === 'rest') this.#stay();
    if (this.#state !== 'idle') return;
    this.#state = 'waiting';
    this.#events.onState('waiting');
    this.#shell.start();
  }

  send(line: Uint8Array, { urgent = false }: { urgent?: boolean } = {}): number {
    const ticket = this.#outbox.add(line, urgent);
    this.#saves.add();
    this.attach();
    this.#pump();
    return ticket;
  }

  withdraw(ticket: number): boolean {
    const isWithdrawn = this.#outbox.withdraw(ticket);
    this.#pump();
    return isWithdrawn;
  }

  acknowledge(delivered: number, open: readonly number[]): void {
    const checkpoint = this.#epoch?.acknowledge(delivered, open);
    if (checkpoint === undefined) return;
    this.#outbox.setCheckpoint(checkpoint);
    this.#checkpoints.add();
  }

  get pendingBytes(): number {
    return this.#outbox.heldBytes;
  }

  drained(bytes: number): Promise<void> {
    const drained = this.#waiters.until(() => this.pendingBytes <= bytes);
    // Where all is sent, only the host's word is wanting.
    this.#pump();
    return drained;
  }

  pause(): void {
    this.#isPaused = true;
    this.#steer();
  }

  resume(): void {
    this.#isPaused = false;
    this.#steer();
  }

  takeBack(): TakenBack[] {
    return this.#outbox.takeBack();
  }

  note(kind: keyof Notes, text: string): void {
    if (kind === 'thread') this.#threadNote = text;
    this.#outbox.setNote(kind, text);
    this.#saves.add();
    this.#pump();
  }

  atRest(isAtRest: boolean): void {
    if (this.#state === 'over') return;
    this.#saves.rest(isAtRest);
    this.#turn.set(!isAtRest);
  }

  letGo(): void {
    if (this.#state === 'idle' || this.#state === 'over' || this.#leaving !== undefined) return;
    const leaving: Leaving = { for: 'rest', deadline: monotonicNow() + limits.letGoMs };
    void this.#depart(leaving).then(() => {
      if (this.#leaving === leaving) this.#rest();
    });
  }

  restart(cause: BridgeError): void {
    this.#replaceEpoch(cause);
  }

  async close(graceMs: number): Promise<void> {
    if (this.#state === 'over') return;
    const deadline = monotonicNow() + graceMs;
    if (this.#state !== 'idle') await this.#depart({ for: 'good', deadline: deadline - limits.closeMs });
    const lines = this.#outbox.waitingLines;
    if (lines > 0) this.#options.log.warn('left before these messages could be delivered', { lines });
    else if (!this.#isOnRecord) this.#options.log.info('left before the microVM could confirm what was sent');
    this.#end();
    await this.#shell.close(Math.max(deadline - monotonicNow(), 0));
  }

  /** Waits until the shell can be left and nothing gets lost, or until there is no time left for that. */
  async #depart(leaving: Leaving): Promise<void> {
    this.#leaving = leaving;
    this.#checkpoints.send();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(leaving.deadline - monotonicNow(), 0));
    });
    await Promise.race([this.#waiters.until(() => this.#leaving !== leaving || this.#canLeave), timeout]);
    clearTimeout(timer);
  }

  /** There is more to say: a save goes on without us. */
  #stay(): void {
    this.#leaving = undefined;
    this.#waiters.look();
    if (this.#state === 'attached' && this.#handshake.isUnderWay) this.#handshake.again();
  }

  #rest(): void {
    this.#leaving = undefined;
    this.#state = 'idle';
    this.#handshake.stop();
    this.#saves.stop();
    this.#shell.rest('nothing is going on');
  }

  /** What the attach that begins now asks of the host. */
  #request(): Omit<AttachRequest, 'nonce'> {
    const epoch = this.#known;
    const outbox = this.#outbox;
    return {
      ...this.#saveRequest(),
      ...(epoch?.freeing.ask(outbox.arrivedLines, firstNeeded(outbox.arrivedCheckpoint)) ?? nothingToFree),
      name: this.#options.shellId,
      epoch: epoch?.id,
      outOffset: epoch?.received ?? 0,
      inAcknowledged: outbox.acknowledgedBytes,
      replace: epoch?.end?.is === 'to-replace' ? epoch.id : undefined,
    };
  }

  /** What the next attach asks the host to save. */
  #saveRequest(): Pick<AttachRequest, 'save' | 'saveMs'> {
    // Before the shell is left, what was sent comes first: there may be no time for both.
    const isWanted = this.#wantsSave && (this.#leaving === undefined || this.#isOnRecord);
    this.#asksToSave = isWanted ? this.#saves.news : undefined;
    const untilMs = this.#leaving?.deadline ?? Number.NEGATIVE_INFINITY;
    return {
      save: !isWanted ? undefined : this.#saves.isAtRest ? 'rest' : 'busy',
      saveMs: isWanted ? Math.max(untilMs - monotonicNow(), 0) : 0,
    };
  }

  /** An agent that has ended is saved without being asked. */
  get #wantsSave(): boolean {
    if (this.#keeping === 'no-mount' || this.#epoch === undefined || this.#epoch.end !== undefined)
      return false;
    return this.#leaving === undefined ? this.#saves.isDue : this.#saves.isOwed;
  }

  /** The epoch, where what is known of it still holds. */
  get #known(): Epoch | undefined {
    return this.#epoch?.end?.is === 'taken' ? undefined : this.#epoch;
  }

  #onTaken(): void {
    if (this.#epoch !== undefined) this.#epoch.end = { is: 'taken' };
    // The other one's is newer.
    this.#threadNote = undefined;
    this.#options.log.info('another bridge had this thread meanwhile');
  }

  #onBegin(record: BeginRecord, hasStarted: boolean, rest: Uint8Array): void {
    this.#shell.settle();
    this.#silentConnections = 0;
    const epoch = this.#known;
    if (epoch?.id === record.epoch) {
      if (epoch.end?.is === 'to-replace') {
        this.#handshake.again();
        return;
      }
      if (
        record.outOffset !== epoch.received ||
        this.#outbox.confirm(record.inSize, record.checksum) === 'damaged'
      ) {
        this.#options.log.error(
          'what arrived in the microVM is not what was sent: the agent is started anew',
        );
        epoch.end = { is: 'to-replace', cause: damaged() };
        this.#handshake.again();
        return;
      }
    } else {
      this.#beginEpoch(record, hasStarted);
      if (this.#isOver) return;
    }
    this.#saveResults.heard(record.saved);
    this.#epoch?.freeing.done();
    if (this.#asksToSave !== undefined) this.#saves.asked(this.#asksToSave, this.#leaving !== undefined);
    // Asking in passing is nobody's business.
    if (this.#state !== 'attached') {
      this.#options.log.info('attached', { epoch: record.epoch, started: hasStarted });
    }
    this.#state = 'attached';
    this.#steer();
    this.#events.onState('attached');
    this.#onOutput(rest);
    this.#pump();
  }

  #beginEpoch(record: BeginRecord, hasStarted: boolean): void {
    const last = this.#epoch;
    // Our user sends nothing before all of this is said.
    this.#state = 'waiting';
    this.#asksToSave = undefined;
    this.#keeping = record.keeping;
    const lostThrough = last === undefined ? 0 : this.#outbox.lastBoundTicket;
    const epoch = new Epoch(record, this.#options.maxLineBytes, {
      onLine: (line, start, end) => this.#events.onLine(line, start, end),
      onOversizedLine: (head, start, end) => this.#events.onOversizedLine(head, start, end),
      onRecord: (line) => this.#onRecord(line),
    });
    this.#epoch = epoch;
    this.#outbox.beginEpoch(record.inSize);
    // Also ends a line that the last bridge left half-written.
    if (!hasStarted) this.#outbox.setCheckpoint(epoch.checkpoint);
    const thread = this.#threadNote ?? record.notes.thread;
    if (thread !== undefined && thread !== record.notes.thread) this.#outbox.setNote('thread', thread);
    this.#events.onEpoch({
      epoch: record.epoch,
      origin: hasStarted ? 'started' : 'found',
      cwd: record.cwd,
      lostThrough,
      cause: last?.causeOfEnd,
      notes: { agent: record.notes.agent, thread },
      keeping: record.keeping,
      environment: record.environment,
    });
    if (!this.#isOver) this.#turn.beginEpoch();
  }

  #onOutput(bytes: Uint8Array): void {
    if (this.#handshake.isUnderWay) {
      this.#handshake.onOutput(bytes);
      return;
    }
    const epoch = this.#epoch;
    // Of what the agent says while we go for good, the host could not be told any more that this client has it.
    if (this.#state !== 'attached' || this.#leaving?.for === 'good' || epoch === undefined) return;
    if (bytes.length === 0) return;
    this.#saves.add();
    epoch.push(bytes);
    if (epoch.receivedSinceAttach > limits.outputBytesHeldThere) this.#attachAgain();
  }

  #onRecord(line: Uint8Array): void {
    const epoch = this.#epoch;
    if (epoch === undefined) return;
    const failure = this.#handshake.readFailure(line);
    if (failure !== undefined) this.#fail(hostFailure(failure));
    const exit = parseExitRecord(line, epoch.id);
    if (exit === undefined) return;
    epoch.end = { is: 'exited' };
    this.#options.log.info('the agent ended', { code: exit.code });
    this.#events.onExit({
      code: exit.code,
      stderr: exit.stderr,
      lostThrough: this.#outbox.lastBoundTicket,
    });
    this.#pump();
  }

  #pump(): void {
    const epoch = this.#epoch;
    if (this.#state !== 'attached' || this.#handshake.isUnderWay || this.#isPumping || !epoch) return;
    // What is for the agent waits for the next one.
    const hasEnded = epoch.end !== undefined;
    while (hasEnded ? this.#outbox.hasRecord : this.#outbox.hasNext) {
      if (!hasEnded && this.#outbox.unacknowledgedBytes >= limits.unacknowledgedInFlowBytes) {
        this.#attachAgain();
        return;
      }
      if (this.#shell.unsentBytes >= limits.windowBytes) {
        this.#isPumping = true;
        void this.#shell.sent(limits.windowBytes / 2).then(() => {
          this.#isPumping = false;
          this.#pump();
        });
        return;
      }
      this.#write();
    }
    if (epoch.end?.is === 'exited' && this.#outbox.waitingLines > 0) this.#replaceEpoch(undefined);
    else if (this.#isConfirmationAwaited) this.#confirmation.now();
    else if (this.#isMuchUnconfirmed) this.#confirmation.soon();
    else if (this.#saves.isDue && this.#wantsSave) this.#attachAgain();
    else void this.#shell.sent(0).then(() => this.#waiters.look());
  }

  /** Whether somebody waits until what was sent is known to have arrived. */
  get #isConfirmationAwaited(): boolean {
    if (this.#leaving !== undefined) return !this.#canLeave;
    return !this.#waiters.isEmpty && this.#outbox.unacknowledgedBytes > 0;
  }

  get #isMuchUnconfirmed(): boolean {
    return this.#outbox.unacknowledgedBytes > limits.unacknowledgedBytes;
  }

  /** Whether all that was said is known to have arrived, and what is new is saved. */
  get #canLeave(): boolean {
    return this.#isOnRecord && !this.#wantsSave;
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  get #isOnRecord(): boolean {
    const { end } = this.#epoch ?? {};
    if (end?.is === 'to-replace') return !this.#outbox.hasRecord && this.#shell.unsentBytes === 0;
    const isSent = end === undefined ? !this.#outbox.hasNext : !this.#outbox.hasRecord;
    return isSent && this.#outbox.unacknowledgedBytes === 0;
  }

  #write(): void {
    const bytes = this.#outbox.take(limits.writeBytes);
    if (bytes !== undefined) this.#shell.write(bytes);
  }

  /** Asks the host for the sizes, on the connection as it stands. */
  #attachAgain(): void {
    const epoch = this.#epoch;
    if (this.#state !== 'attached' || this.#handshake.isUnderWay || epoch === undefined) return;
    epoch.attaching();
    this.#handshake.again();
    this.#steer();
  }

  /** A handshake is read to its end, also where nobody wants the agent's output: what is sent must go on. */
  #steer(): void {
    if (this.#isPaused && this.#state === 'attached' && !this.#handshake.isUnderWay) this.#shell.pause();
    else this.#shell.resume();
  }

  #replaceEpoch(cause: BridgeError | undefined): void {
    if (this.#epoch === undefined) return;
    this.#epoch.end = { is: 'to-replace', cause };
    this.#attachAgain();
  }

  #onClose(close: ShellClose): void {
    // We left ourselves.
    if (this.#state === 'idle') return;
    this.#handshake.stop();
    this.#state = 'waiting';
    this.#steer();
    this.#events.onState('waiting');
    this.#options.log.info('the connection ended', { code: close.code, meaning: close.meaning });
    // The agent outlives its shell: a new one finds it.
    if (close.action === 'wait') this.#shell.reconnect('the shell ended', 'backoff');
  }

  #onSilence(): void {
    this.#silentConnections += 1;
    if (this.#silentConnections >= limits.silentConnections) this.#fail(silent());
    else this.#shell.reconnect('nothing in the shell answers', 'backoff');
  }

  #fail(error: BridgeError): void {
    if (this.#state === 'over') return;
    this.#end();
    void this.#shell.close(0);
    this.#events.onFailed(error);
  }

  #end(): void {
    this.#confirmation.stop();
    this.#checkpoints.stop();
    this.#saves.stop();
    this.#turn.stop();
    this.#leaving = undefined;
    this.#state = 'over';
    this.#handshake.stop();
    this.#waiters.close();
  }
}

type State =
  /** Nothing was asked of the link yet, or it let go of the shell. */
  | 'idle'
  /** No attach stands: a connection is made, or the handshake goes on. */
  | 'waiting'
  /** Attached; perhaps asking the host for the sizes in passing. */
  | 'attached'
  /** Closed or failed. */
  | 'over';

interface Leaving {
  /** `rest`: the link goes on when there is more to say. */
  readonly for: 'rest' | 'good';
  /** By `monotonicNow`. */
  readonly deadline: number;
}

const limits = {
  /** For a save before the shell is let go, however much there is to save. */
  letGoMs: 20_000,
  /** Of the time to leave, for the connection's end. */
  closeMs: 50,
  /** One frame's worth: 60 KB. */
  writeBytes: 60 * 1024,
  /** Ahead of the connection's pace by no more than this, so that a cancel waits for 25 ms at the most. */
  windowBytes: 256 * 1024,
  /** What is kept here to be sent again, before the host is asked for the sizes: where nothing more is to be sent. */
  unacknowledgedBytes: 4 * 1024 * 1024,
  /** Where more is, which is held here anyway: each question stops the flow, for a tenth of a second. */
  unacknowledgedInFlowBytes: 16 * 1024 * 1024,
  /** What the host may keep of the output that was received, before it is told to free it. */
  outputBytesHeldThere: 64 * 1024 * 1024,
  /** Connections in a row in which nothing answers. */
  silentConnections: 3,
} as const;

const nothingToFree = { inFree: 0, outFree: 0 };

/** Offset of the first byte of output that a bridge may ask for. */
function firstNeeded(checkpoint: Checkpoint | undefined): number {
  return checkpoint === undefined ? 0 : Math.min(checkpoint.delivered, ...checkpoint.open);
}
