import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ShellClose } from '../../shell/close-codes.ts';
import type { Shell, ShellEvents } from '../../shell/shell.ts';
import { hostFailure } from '../host/failure.ts';
import { type Begun, Handshake, type HandshakeOptions } from '../host/handshake.ts';
import { silent } from './link-errors.ts';

export interface AttachmentOptions extends Pick<
  HandshakeOptions,
  'name' | 'isNew' | 'mayStart' | 'request' | 'start' | 'onTaken'
> {
  readonly createShell: (events: ShellEvents) => Shell;
  readonly log: Log;
  /** Whether there is a reason to bring back what the service has ended. */
  readonly isWanted: () => boolean;
  /** A host is attached; `rest` is the first of its output. */
  readonly onAttached: (begun: Begun, rest: Uint8Array) => void;
  /** What the attached host and its agent say. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** No attach stands: one is on its way (`waiting`), or none until `attach` (`idle`). */
  readonly onDetached: (state: 'waiting' | 'idle') => void;
  /** There will be no further attach. */
  readonly onFailed: (error: BridgeError) => void;
}

/**
 * An attach that is wanted, through all connections that it takes: first one, reconnect, takeover and a question in passing
 * are one path, the handshake.
 */
export class Attachment {
  readonly #options: AttachmentOptions;
  readonly #handshake: Handshake;
  readonly shell: Shell;
  #state: State = 'idle';
  #isPaused = false;
  #silentConnections = 0;

  constructor(options: AttachmentOptions) {
    this.#options = options;
    this.shell = options.createShell({
      onOpen: () => this.#handshake.begin(),
      // What a confirmation says is not needed: a handshake is right in a new shell and in an old one.
      onStatus: () => undefined,
      onOutput: (bytes) => this.#onOutput(bytes),
      onClose: (close) => this.#onClose(close),
      onFailed: (error) => this.#fail(error),
    });
    this.#handshake = new Handshake({
      ...options,
      write: (bytes) => this.shell.write(bytes),
      onBegin: (begun, rest) => this.#onBegin(begun, rest),
      onDeclined: () => this.#leave('there is no agent, and nothing to say to one'),
      onFail: (what) => this.#fail(hostFailure(what)),
      onSilence: () => this.#onSilence(),
    });
  }

  get state(): State {
    return this.#state;
  }

  /** Whether a host is attached and not being asked anew. */
  get isAttached(): boolean {
    return this.#state === 'attached';
  }

  /** Connects and attaches, where that is not so or on its way. */
  attach(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'waiting';
    this.#options.onDetached('waiting');
    this.shell.start();
  }

  /** Attaches anew, on the connection as it stands: behind what was sent, and with what is asked of the host now. */
  again(): void {
    if (this.#state !== 'attached' && this.#state !== 'asking') return;
    this.#state = 'asking';
    this.#handshake.begin();
    this.#steer();
  }

  /** Lets go of the shell, until `attach`. */
  rest(why: string): void {
    if (this.#state !== 'over' && this.#state !== 'idle') this.#leave(why);
  }

  /** Stops and resumes reading what the agent says. A handshake is read to its end: what is sent must go on. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.#steer();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Ends the attach for good, leaving the connection open for what is on its way. */
  end(): void {
    this.#state = 'over';
    this.#handshake.stop();
  }

  #onBegin(begun: Begun, rest: Uint8Array): void {
    this.shell.settle();
    this.#silentConnections = 0;
    this.#state = 'attached';
    this.#steer();
    this.#options.onAttached(begun, rest);
  }

  #onOutput(bytes: Uint8Array): void {
    if (this.#handshake.isUnderWay) this.#handshake.onOutput(bytes);
    else if (this.#state === 'attached') this.#options.onOutput(bytes);
  }

  #onClose(close: ShellClose): void {
    this.#handshake.stop();
    // We left ourselves.
    if (this.#state === 'idle' || this.#state === 'over') return;
    this.#options.log.info('the connection ended', { code: close.code, meaning: close.meaning });
    const isEnded = close.action === 'wait' || close.code === 1001;
    if (isEnded && !this.#options.isWanted()) {
      this.#leave('the service ended it while nothing was open');
      return;
    }
    this.#state = 'waiting';
    this.#steer();
    this.#options.onDetached('waiting');
    // The agent outlives its shell: a new one finds it.
    if (close.action === 'wait') this.shell.reconnect('the shell ended', 'backoff');
  }

  #onSilence(): void {
    this.#silentConnections += 1;
    if (this.#silentConnections >= silentConnections) this.#fail(silent());
    else this.shell.reconnect('nothing in the shell answers', 'backoff');
  }

  #leave(why: string): void {
    this.#state = 'idle';
    this.#handshake.stop();
    this.#steer();
    this.shell.rest(why);
    this.#options.onDetached('idle');
  }

  #fail(error: BridgeError): void {
    if (this.#state === 'over') return;
    this.end();
    void this.shell.close(0);
    this.#options.onFailed(error);
  }

  #steer(): void {
    if (this.#isPaused && this.#state === 'attached') this.shell.pause();
    else this.shell.resume();
  }
}

type State =
  /** Nothing was asked of it yet, or it let go of the shell. */
  | 'idle'
  /** A connection is made, or the handshake on it goes on. */
  | 'waiting'
  /** A host is attached. */
  | 'attached'
  /** A host is attached, and is being asked anew. */
  | 'asking'
  /** Ended or failed. */
  | 'over';

/** Connections in a row on which nothing answers, half a minute on each. */
const silentConnections = 2;
