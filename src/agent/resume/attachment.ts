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
  /** Whether a shell that the service ended is to be attached again. */
  readonly isWanted: () => boolean;
  /** A host is attached; `rest` is the output that came behind its `begin`. */
  readonly onAttached: (begun: Begun, rest: Uint8Array) => void;
  /** Output of the attached host and of its agent. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** No host is attached: `waiting`, an attach is under way; `idle`, none begins until `attach` is called. */
  readonly onDetached: (state: 'waiting' | 'idle') => void;
  /** The attachment has failed and will not attach again. */
  readonly onFailed: (error: BridgeError) => void;
}

/**
 * Keeps a host attached through any number of connections. The first attach, a reconnect, a takeover and an attach on a
 * standing connection all run the same handshake.
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
      // Confirmations are ignored: the handshake works in a new shell and in an old one.
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

  /** Whether a host is attached, and no new handshake is under way. */
  get isAttached(): boolean {
    return this.#state === 'attached';
  }

  /** Connects and attaches. Does nothing if a host is attached or an attach is under way. */
  attach(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'waiting';
    this.#options.onDetached('waiting');
    this.shell.start();
  }

  /** Attaches again on the same connection, behind what was sent, with a new request to the host. */
  again(): void {
    if (this.#state !== 'attached' && this.#state !== 'asking') return;
    this.#state = 'asking';
    this.#handshake.begin();
    this.#steer();
  }

  /** Lets go of the shell until `attach` is called. */
  rest(why: string): void {
    if (this.#state !== 'over' && this.#state !== 'idle') this.#leave(why);
  }

  /** Stops and resumes reading the agent's output. A handshake is always read to its end, since input waits for it. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.#steer();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Stops attaching for good. The connection stays open, so that what is being sent can still leave. */
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
    // The bridge closed this connection itself.
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
    // The agent goes on without its shell, and an attach in a new shell finds it.
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
  /** `attach` was not called yet, or the shell was let go of. */
  | 'idle'
  /** A connection is being made, or the handshake on it is under way. */
  | 'waiting'
  /** A host is attached. */
  | 'attached'
  /** A host is attached, and a new handshake with it is under way. */
  | 'asking'
  /** Ended or failed. */
  | 'over';

/** How many connections in a row may stay silent, for half a minute each, before the attachment fails. */
const silentConnections = 2;
