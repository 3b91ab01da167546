import type { CredentialSource } from '../aws/credentials.ts';
import type { ShellTarget } from '../aws/endpoint.ts';
import type { SigningClock } from '../aws/signing-clock.ts';
import { upgradeRefusal, type UpgradeResponse } from '../aws/upgrade-errors.ts';
import type { BridgeError } from '../base/errors.ts';
import { printable, type Log } from '../base/log.ts';
import { systemClock, type Clock } from './clock.ts';
import { shellClose, type ShellClose } from './close-codes.ts';
import type { Connection, ConnectionEnd } from './connection.ts';
import { channels, decodeFrame } from './frames.ts';
import { HandOver } from './hand-over.ts';
import { defaultLimits, type ShellLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { slower, smaller, type Pace } from './pacing.ts';
import { Retries } from './retries.ts';
import type { Shell, ShellEvents } from './shell.ts';
import { decodeStatus, type ShellStatus } from './status.ts';
import { verdictOnClose, verdictOnFailure, verdictOnRefusal, type Verdict } from './verdict.ts';

export interface ShellOptions {
  readonly target: ShellTarget;
  /** Called before every attempt, since each one is signed. */
  readonly credentials: CredentialSource;
  readonly signingClock: SigningClock;
  readonly events: ShellEvents;
  readonly log: Log;
  readonly limits?: Partial<ShellLimits>;
  readonly clock?: Clock;
  /** A number from 0 up to 1, for the backoff's jitter. */
  readonly random?: () => number;
}

/** A shell that connects when it is started, and again as the tables of upgrade errors and close codes say. */
export function createShell(options: ShellOptions): Shell {
  return new ReconnectingShell(options);
}

/**
 * There is one state and at most one connection: with a second one to the same shell, the service would close the first
 * with 4000. Events of an attempt or a connection are ignored once the state is no longer theirs.
 */
type State =
  | { readonly is: 'idle' }
  | ConnectingState
  | OpenState
  /** The connection is being closed from here; `close` says what follows. What still arrives is dropped. */
  | { readonly is: 'leaving'; readonly connection: Connection; readonly close: ShellClose }
  | { readonly is: 'waiting'; readonly cancel: () => void }
  /** Not connected until `reconnect` is called. */
  | { readonly is: 'resting' }
  | { readonly is: 'over'; readonly closed?: Promise<void> };

interface ConnectingState {
  readonly is: 'connecting';
  /** Whether the attempt before was refused because of its signing time. */
  readonly isCorrected: boolean;
  /** Absent while the request is being signed. */
  connection?: Connection;
}

interface OpenState {
  readonly is: 'open';
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly handOver: HandOver;
}

class ReconnectingShell implements Shell {
  readonly #options: ShellOptions;
  readonly #limits: ShellLimits;
  readonly #clock: Clock;
  readonly #retries: Retries;
  #state: State = { is: 'idle' };
  #pace: Pace;
  #paused = false;
  /**
   * Whether the service has ever answered. A failure before that is more likely a mistake in the setup than a passing
   * one.
   */
  #reached = false;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#retries = new Retries(options.random ?? Math.random);
    this.#pace = this.#limits;
  }

  start(): void {
    const state = this.#state;
    this.#retries.begin();
    if (state.is === 'idle' || state.is === 'resting') this.#connectWhenAllowed();
    else if (state.is === 'leaving')
      this.#state = { ...state, close: leaving('asked for again', 'reconnect') };
  }

  write(bytes: Uint8Array): void {
    if (this.#state.is === 'open') this.#state.outbox.write(bytes);
  }

  get unsentBytes(): number {
    return this.#state.is === 'open' ? this.#state.outbox.unsentBytes : 0;
  }

  sent(bytes: number): Promise<void> {
    return this.#state.is === 'open' ? this.#state.outbox.sent(bytes) : Promise.resolve();
  }

  pause(): void {
    this.#paused = true;
    if (this.#state.is === 'open') this.#state.connection.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#state.is === 'open') this.#state.connection.resume();
  }

  settle(): void {
    this.#retries.settled();
  }

  reconnect(why: string, delay: 'at-once' | 'backoff'): void {
    const state = this.#state;
    const close = leaving(why, delay === 'at-once' ? 'reconnect' : 'back-off');
    if (state.is === 'open') {
      this.#leave(state, close);
    } else if (state.is === 'waiting' && delay === 'at-once') {
      state.cancel();
      this.#connectWhenAllowed();
    } else if (state.is === 'resting') {
      if (delay === 'at-once') this.#connectWhenAllowed();
      else this.#follow(verdictOnClose(close));
    }
  }

  rest(why: string): void {
    const state = this.#state;
    if (state.is === 'open') {
      this.#leave(state, leaving(why, 'wait'));
    } else if (state.is === 'leaving') {
      this.#state = { ...state, close: leaving(why, 'wait') };
    } else if (state.is !== 'over') {
      if (state.is === 'waiting') state.cancel();
      this.#state = { is: 'resting' };
      void connectionOf(state)?.leave(this.#limits.closeMs);
    }
  }

  close(graceMs: number): Promise<void> {
    const state = this.#state;
    if (state.is === 'over') return state.closed ?? Promise.resolve();
    if (state.is === 'open') letGo(state);
    if (state.is === 'waiting') state.cancel();
    const closed = connectionOf(state)?.leave(graceMs) ?? Promise.resolve();
    this.#state = { is: 'over', closed };
    return closed;
  }

  /** Connects at once, or as soon as the service accepts requests again. */
  #connectWhenAllowed(): void {
    const heldMs = this.#retries.heldMs(this.#clock.now());
    if (heldMs === 0) this.#connect();
    else this.#wait(heldMs);
  }

  #wait(ms: number): void {
    this.#state = { is: 'waiting', cancel: this.#clock.after(ms, () => this.#connect()) };
  }

  #connect({ isCorrected = false } = {}): void {
    const attempt: State = { is: 'connecting', isCorrected };
    this.#state = attempt;
    this.#retries.away(this.#clock.now());
    void this.#open(attempt);
  }

  async #open(attempt: ConnectingState): Promise<void> {
    const { target, credentials, signingClock } = this.#options;
    try {
      // Loaded here, since the client may need an answer before anything is connected.
      const [{ signUpgrade }, { Connection }] = await Promise.all([
        import('../aws/sign-upgrade.ts'),
        import('./connection.ts'),
      ]);
      const keys = await credentials();
      const signedAt = signingClock.date();
      const upgrade = await signUpgrade(target, keys, signedAt);
      if (this.#state !== attempt) return;
      const connection = new Connection({
        upgrade,
        limits: this.#limits,
        clock: this.#clock,
        events: {
          onOpen: () => {
            if (this.#state === attempt) this.#onOpen(connection);
          },
          onFrame: (frame) => {
            const state = this.#state;
            if (state.is === 'open' && state.connection === connection) this.#onFrame(frame, state);
          },
          onEnd: (end) => {
            if (connectionOf(this.#state) !== connection) return;
            if (end.is === 'refused') this.#onRefused(end.response, signedAt, attempt);
            else this.#onEnd(end);
          },
        },
      });
      attempt.connection = connection;
    } catch (cause) {
      if (this.#state === attempt) this.#follow(verdictOnFailure(cause, target.endpoint, this.#reached));
    }
  }

  #onOpen(connection: Connection): void {
    const limits = this.#limits;
    const clock = this.#clock;
    const handOver = new HandOver({
      limits,
      clock,
      onDue: () => this.reconnect('hand-over before the 1-hour limit', 'at-once'),
    });
    const outbox = new Outbox({
      pace: this.#pace,
      bufferedBytes: limits.bufferedBytes,
      clock,
      send: (frame, flushed) => {
        handOver.active();
        connection.send(frame, flushed);
      },
    });
    this.#state = { is: 'open', connection, outbox, handOver };
    this.#reached = true;
    this.#retries.connected(clock.now());
    this.#options.log.info('connected to the shell', { shellId: this.#options.target.shellId });
    if (this.#paused) connection.pause();
    this.#options.events.onOpen();
  }

  #onFrame(bytes: Uint8Array, state: OpenState): void {
    state.handOver.active();
    const { channel, payload } = decodeFrame(bytes);
    switch (channel) {
      case channels.stdout:
        this.#options.events.onOutput(payload);
        break;
      case channels.status:
        this.#onStatus(decodeStatus(payload), state);
        break;
      case channels.stderr:
        this.#options.log.info('the service sent a diagnostic', { text: excerpt(payload) });
        break;
      case channels.close:
        this.#leave(state, shellClose(1000, 'told by a frame'));
        break;
      case undefined:
      default:
      // An empty frame, or a channel of a later version of the protocol, which clients must ignore.
    }
  }

  #onStatus(status: ShellStatus, state: OpenState): void {
    this.#options.events.onStatus(status);
    if (status.is !== 'platform-error' || !status.isInternal || this.#state !== state) return;
    const { reason, message, code } = status;
    this.#options.log.warn('the service reports an error: the shell is attached again', {
      reason,
      message,
      code,
    });
    // AWS's clients take this for the end of the shell. A shell that failed to start may start at the next attempt.
    const meaning = `the shell could not be started or kept (${reason}: ${message})`;
    this.#leave(state, { code: 1000, reason: '', meaning, action: 'back-off' });
  }

  #leave(state: OpenState, close: ShellClose): void {
    letGo(state);
    this.#state = { is: 'leaving', connection: state.connection, close };
    void state.connection.leave(this.#limits.closeMs);
  }

  #onEnd(end: Exclude<ConnectionEnd, { is: 'refused' }>): void {
    if (end.is === 'closed') this.#onClosed(end.code, end.reason);
    else this.#follow(verdictOnFailure(end.cause, this.#options.target.endpoint, this.#reached));
  }

  #onRefused(response: UpgradeResponse, signedAt: Date, { isCorrected }: ConnectingState): void {
    const { target, signingClock } = this.#options;
    this.#reached = true;
    if (!isCorrected && signingClock.corrects(signedAt, response)) this.#connect({ isCorrected: true });
    else {
      const verdict = verdictOnRefusal(upgradeRefusal(response, target.arn, signingClock.fault));
      if (verdict.is === 'retry') this.#retries.hold(this.#clock.now(), verdict.floorMs);
      this.#follow(verdict);
    }
  }

  #onClosed(code: number, reason: string): void {
    const state = this.#state;
    if (state.is === 'open') letGo(state);
    // If the bridge was closing, any other code than these came from the service.
    const isOurs = state.is === 'leaving' && [1000, 1005, 1006].includes(code);
    const close = isOurs ? state.close : shellClose(code, reason);
    if (close.action === 'slow-down') this.#pace = slower(this.#pace);
    if (close.action === 'shrink') this.#pace = smaller(this.#pace);
    this.#options.log.info('the connection to the shell ended', { ...close, code });
    this.#retries.away(this.#clock.now());
    const ended: State = { is: 'resting' };
    this.#state = ended;
    this.#options.events.onClose(close);
    // In `onClose` the user may have closed the shell or connected it again.
    if (this.#state !== ended) return;
    if (isOurs && close.action === 'reconnect') this.#connect();
    else this.#follow(verdictOnClose(close));
  }

  #follow(verdict: Verdict): void {
    if (verdict.is === 'stop') this.#fail(verdict.error);
    if (verdict.is === 'retry') this.#retry(verdict.error, verdict.floorMs);
  }

  #retry(error: BridgeError, floorMs: number): void {
    const { firstConnectBudgetMs, reconnectBudgetMs } = this.#limits;
    const budgetMs = this.#reached ? reconnectBudgetMs : firstConnectBudgetMs;
    const delayMs = this.#retries.next(this.#clock.now(), floorMs, budgetMs);
    if (delayMs === undefined) {
      this.#fail(error);
      return;
    }
    this.#options.log.info('connecting again', { delayMs, because: error.message });
    this.#wait(delayMs);
  }

  #fail(error: BridgeError): void {
    this.#state = { is: 'over' };
    this.#options.events.onFailed(error);
  }
}

function connectionOf(state: State): Connection | undefined {
  return 'connection' in state ? state.connection : undefined;
}

function leaving(why: string, action: ShellClose['action']): ShellClose {
  return { code: 1000, reason: why, meaning: 'we left the connection', action };
}

/** Ends everything that an open connection has running, except the connection itself. */
function letGo(state: OpenState): void {
  state.outbox.close();
  state.handOver.stop();
}

function excerpt(bytes: Uint8Array): string {
  return printable(new TextDecoder().decode(bytes.subarray(0, 500)));
}
