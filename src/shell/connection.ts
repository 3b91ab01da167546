import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket, type ClientOptions } from 'ws';
import type { SignedUpgrade } from '../aws/sign-upgrade.ts';
import { refusingResponse } from '../aws/refusal.ts';
import type { UpgradeResponse } from '../aws/upgrade-errors.ts';
import type { Clock } from './clock.ts';
import type { ShellLimits } from './limits.ts';
import { Liveness } from './liveness.ts';

/** How a connection ended. */
export type ConnectionEnd =
  /** The service answered with something other than an upgrade. */
  | { readonly is: 'refused'; readonly response: UpgradeResponse }
  /** There was no answer. `cause` is Node's error, or a timeout of ours. */
  | { readonly is: 'failed'; readonly cause: Error }
  /** It was open before. */
  | { readonly is: 'closed'; readonly code: number; readonly reason: string };

/** In this order: at most one `onOpen`, any number of `onFrame`, exactly one `onEnd`. */
export interface ConnectionEvents {
  onOpen(): void;
  /** A binary message has arrived. */
  onFrame(frame: Uint8Array): void;
  onEnd(end: ConnectionEnd): void;
}

export interface ConnectionOptions {
  readonly upgrade: SignedUpgrade;
  readonly limits: ShellLimits;
  readonly clock: Clock;
  readonly events: ConnectionEvents;
}

/** One WebSocket to the service. Every phase is limited in time. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  #liveness: Liveness | undefined;
  #cancelTimer: () => void = () => undefined;
  #failure: Error | undefined;
  #refusal: UpgradeResponse | undefined;

  /** Starts to connect. No event comes before the constructor has returned. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { upgrade, limits } = options;
    const socketOptions: ClientOptions & { closeTimeout: number } = {
      headers: upgrade.headers,
      perMessageDeflate: false,
      maxPayload: maxPayloadBytes,
      closeTimeout: limits.closeMs,
      finishRequest: (request) => this.#sendRequest(request),
    };
    this.#socket = new WebSocket(upgrade.url, socketOptions);
    this.#deadline(limits.connectMs, 'the connection was not established');
    this.#socket.on('unexpected-response', (_, response) => this.#readRefusal(response));
    this.#socket.on('open', () => this.#onOpen());
    this.#socket.on('message', (data, isBinary) => {
      this.#liveness?.heard();
      // `binaryType` has its default value, so each message is one Buffer.
      if (isBinary) options.events.onFrame(data as Buffer);
    });
    this.#socket.on('pong', () => this.#liveness?.heard());
    this.#socket.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#socket.on('close', (code, reason) => this.#onClose(code, reason.toString()));
  }

  /** Sends a frame. `flushed` is called when the kernel has taken it, or it is lost. */
  send(frame: Uint8Array, flushed: () => void): void {
    this.#socket.send(frame, () => {
      this.#liveness?.flushed();
      flushed();
    });
  }

  /** Stops reading. Call it only while the connection is open. */
  pause(): void {
    this.#socket.pause();
    this.#liveness?.pause();
  }

  resume(): void {
    this.#socket.resume();
    this.#liveness?.resume();
  }

  /**
   * Detaches: a close handshake with code 1000, which is cut off after `graceMs` or `limits.closeMs`. Resolves after
   * `onEnd`. Must not be called after that.
   */
  leave(graceMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#liveness?.stop();
    // A paused socket would not read the answer.
    this.#socket.resume();
    this.#socket.close(1000);
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(graceMs, () => this.#socket.terminate());
    return ended;
  }

  #sendRequest(request: ClientRequest): void {
    request.once('socket', (socket) => {
      socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
        this.#deadline(this.#options.limits.upgradeMs, 'the upgrade request was not answered');
      });
    });
    request.end();
  }

  #onOpen(): void {
    this.#cancelTimer();
    this.#liveness = new Liveness({
      limits: this.#options.limits,
      clock: this.#options.clock,
      ping: (flushed) => this.#socket.ping('', true, flushed),
      onDead: () => this.#socket.terminate(),
    });
    this.#options.events.onOpen();
  }

  #readRefusal(response: IncomingMessage): void {
    let body = '';
    const refuse = (): void => {
      this.#refusal = refusingResponse(response, body);
    };
    const done = (): void => this.#socket.terminate();
    refuse();
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
      refuse();
      if (body.length > maxRefusalCharacters) done();
    });
    response.once('end', done);
    response.once('error', done);
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(refusalBodyMs, done);
  }

  #onClose(code: number, reason: string): void {
    this.#cancelTimer();
    const wasOpen = this.#liveness !== undefined;
    this.#liveness?.stop();
    if (this.#refusal !== undefined) {
      this.#options.events.onEnd({ is: 'refused', response: this.#refusal });
    } else if (wasOpen) {
      this.#options.events.onEnd({ is: 'closed', code, reason });
    } else {
      const cause = this.#failure ?? new Error('the connection was closed during the upgrade');
      this.#options.events.onEnd({ is: 'failed', cause });
    }
  }

  #deadline(ms: number, message: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, () => {
      this.#failure = new Error(`${message} within ${ms / 1000} s`);
      this.#socket.terminate();
    });
  }
}

/** The service sends 64 KB at most; a larger message does not come from it. */
const maxPayloadBytes = 1024 * 1024;
/** An error body is a short JSON text. */
const maxRefusalCharacters = 64 * 1024;
const refusalBodyMs = 5_000;
