import type { WebSocket } from 'ws';
import * as z from 'zod/mini';
import type { Log } from '../../base/log.ts';
import { DelayLine } from '../behaviour/delay-line.ts';
import type { FaultState, FaultyConnection, InputPassage } from '../behaviour/fault-state.ts';
import type { Cut } from '../behaviour/faults.ts';
import { channels, frame, largestSentFrame } from './frames.ts';
import type { Limits } from '../behaviour/limits.ts';
import { RateWindow } from './rate.ts';
import type { InputFrame } from './shell-input.ts';

/** What a connection reports to the shell that it is attached to. */
export interface ConnectionEvents {
  onStdin(frame: InputFrame): void;
  onResize(columns: number, rows: number): void;
  /** The client asks for the end of the shell. */
  onEndShell(): void;
  /** A fault cuts the connection and loses up to this many bytes. `onGone` follows. */
  onLost(bytes: { readonly input: number; readonly output: number }): void;
  /** The connection is over. Last event. */
  onGone(): void;
}

export interface ConnectionOptions {
  /** Counted up from 1. */
  readonly number: number;
  readonly sessionId: string;
  readonly shellId: string;
  readonly limits: Limits;
  readonly faults: FaultState;
  readonly log: Log;
}

/** Two ways to break a connection without a close frame. */
export interface Breaks {
  /** Sends a FIN behind what was written. */
  readonly end: () => void;
  /** Sends a TCP reset at once. */
  readonly reset: () => void;
}

/** AWS: the fifth text frame in a row closes with 1003. */
const textFramesInARow = 5;

const side = z.int().check(z.minimum(1), z.maximum(1000));
const resizeShape = z.object({ width: side, height: side });

/** One client's WebSocket, from the upgrade to its end: frames, limits, and the faults that apply to it. */
export class Connection implements FaultyConnection {
  readonly sessionId: string;
  readonly shellId: string;
  readonly #options: ConnectionOptions;
  readonly #webSocket: WebSocket;
  readonly #breaks: Breaks;
  readonly #events: ConnectionEvents;
  readonly #rate: RateWindow;
  readonly #age: NodeJS.Timeout;
  readonly #pauses = new Set<'blackhole' | 'backpressure'>();
  /** Frames that a blackhole holds back. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Output that is held back to be sent together. */
  #merging: { readonly timer: NodeJS.Timeout; readonly pieces: Uint8Array[] } | undefined;
  /** Frames that are to be sent; a fault delays some. */
  readonly #outgoing = new DelayLine<{ readonly channel: number; readonly payload?: Uint8Array | undefined }>(
    ({ channel, payload }) => {
      this.#sendNow(channel, payload);
    },
  );
  #textFrames = 0;
  #state: 'open' | 'gone' = 'open';

  constructor(webSocket: WebSocket, breaks: Breaks, events: ConnectionEvents, options: ConnectionOptions) {
    this.sessionId = options.sessionId;
    this.shellId = options.shellId;
    this.#options = options;
    this.#webSocket = webSocket;
    this.#breaks = breaks;
    this.#events = events;
    this.#rate = new RateWindow(options.limits.framesPerSecond);
    this.#age = setTimeout(() => {
      this.close(1008, 'connection lasted too long');
    }, options.limits.connectionMs);
    webSocket.on('message', (data: Buffer, isBinary) => {
      this.#receive(data, isBinary);
    });
    // The package itself answers a frame that is too large (1009) or malformed (1002, 1007).
    webSocket.on('error', () => {
      this.#leave();
    });
    webSocket.on('close', () => {
      this.#leave();
    });
    options.faults.connections.add(this);
    options.log.info('attached', {
      connection: options.number,
      sessionId: this.sessionId,
      shellId: this.shellId,
    });
  }

  /** Sends one frame. */
  send(channel: number, payload?: Uint8Array): void {
    if (this.#state === 'gone') return;
    if (channel !== channels.stdout) this.#sendMerged();
    this.#outgoing.push({ channel, payload }, 0);
  }

  #sendNow(channel: number, payload?: Uint8Array): void {
    if (this.#state === 'gone') return;
    const bytes = frame(channel, payload);
    this.#observe('out', channel, bytes.length);
    if (this.#options.faults.blackholed) {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
    } else {
      this.#webSocket.send(bytes);
    }
    if (this.#webSocket.bufferedAmount + this.#heldBytes > this.#options.limits.writeBufferBytes) {
      this.close(1008, 'write buffer overflow');
    }
  }

  /** Sends output of the PTY, in as many frames as it takes. */
  sendOutput(output: Uint8Array): void {
    const { mergeMs } = this.#options.faults;
    if (this.#merging !== undefined) {
      this.#merging.pieces.push(output);
    } else if (mergeMs > 0) {
      this.#merging = { pieces: [output], timer: setTimeout(() => this.#sendMerged(), mergeMs) };
    } else {
      this.#sendFrames(output);
    }
  }

  #sendMerged(): void {
    const merging = this.#merging;
    if (merging === undefined) return;
    clearTimeout(merging.timer);
    this.#merging = undefined;
    this.#sendFrames(Buffer.concat(merging.pieces));
  }

  #sendFrames(output: Uint8Array): void {
    const { faults } = this.#options;
    const { bytes, cut } = faults.passOut(output);
    const largest = Math.min(faults.splitBytes ?? Infinity, largestSentFrame - 1);
    for (let at = 0; at < bytes.length && this.#state === 'open'; at += largest) {
      this.#sendStdout(bytes.subarray(at, at + largest));
    }
    if (cut !== undefined) this.cut(cut);
  }

  #sendStdout(payload: Uint8Array): void {
    const passage = this.#options.faults.out.pass(payload);
    this.#log('output', passage);
    for (const each of passage.payloads) {
      this.#outgoing.push({ channel: channels.stdout, payload: each }, passage.delayMs);
    }
  }

  /** Stops reading while `on`. */
  setBackpressure(on: boolean): void {
    this.#setPause('backpressure', on);
  }

  setBlackhole(on: boolean): void {
    this.#setPause('blackhole', on);
    if (on) return;
    for (const bytes of this.#held) this.#webSocket.send(bytes);
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Leaves with a close frame. */
  close(code: number, reason: string): void {
    if (this.#state === 'gone') return;
    this.#sendMerged();
    this.#outgoing.flush();
    this.#options.log.info('closing', { connection: this.#options.number, code, reason });
    this.#leave();
    if (this.#options.faults.blackholed) {
      // The close frame is not sent either: the client notices when the network is back.
      void this.#options.faults.reachable().then(() => {
        this.#webSocket.terminate();
      });
    } else {
      this.#webSocket.close(code, reason);
    }
  }

  /** Breaks the connection, as a fault does. */
  cut(how: Cut): void {
    if (this.#state === 'gone') return;
    this.#options.log.info('cutting', { connection: this.#options.number, how });
    this.#events.onLost(this.#options.faults.inFlight);
    this.#leave();
    if (how === 'silence') this.#webSocket.pause();
    else if (how === 'rst') this.#breaks.reset();
    else if (how === 'fin' || how === 1006) this.#breaks.end();
    else this.#webSocket.close(how, 'fault');
  }

  #leave(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    clearTimeout(this.#age);
    clearTimeout(this.#merging?.timer);
    this.#outgoing.end();
    this.#options.faults.connections.delete(this);
    this.#options.log.info('detached', { connection: this.#options.number });
    this.#events.onGone();
  }

  #setPause(reason: 'blackhole' | 'backpressure', on: boolean): void {
    if (on) this.#pauses.add(reason);
    else this.#pauses.delete(reason);
    if (this.#pauses.size > 0) this.#webSocket.pause();
    else this.#webSocket.resume();
  }

  #receive(data: Uint8Array, isBinary: boolean): void {
    if (this.#state === 'gone') return;
    const channel = isBinary ? data[0] : -1;
    // A message without a channel byte is for no channel.
    if (channel === undefined) return;
    this.#observe('in', channel, data.length);
    if (!this.#rate.take(performance.now())) {
      this.close(1008, 'too many frames in a second');
      return;
    }
    if (channel === -1) {
      this.#textFrames += 1;
      if (this.#textFrames >= textFramesInARow) this.close(1003, 'text frames are not supported');
      return;
    }
    this.#textFrames = 0;
    this.#dispatch(channel, data.subarray(1));
  }

  #dispatch(channel: number, payload: Uint8Array): void {
    switch (channel) {
      case channels.stdin: {
        const passage = this.#options.faults.passIn(payload, this.#options.number);
        this.#log('input', passage);
        const { delayMs, late, cut } = passage;
        for (const bytes of passage.payloads) this.#events.onStdin({ bytes, delayMs, late });
        if (cut !== undefined) this.cut(cut);
        break;
      }
      case channels.resize: {
        const size = parseResize(payload);
        if (size === undefined)
          this.send(channels.stderr, new TextEncoder().encode('malformed resize frame ignored\n'));
        else this.#events.onResize(size.width, size.height);
        break;
      }
      case channels.heartbeat:
        this.send(channels.heartbeat, payload);
        break;
      case channels.close:
        this.send(channels.close);
        this.#events.onEndShell();
        break;
      default:
      // Unknown channels are ignored.
    }
  }

  /** Logs which faults affected a frame. */
  #log(what: 'input' | 'output', { payloads, lostBytes, delayMs, late }: InputPassage): void {
    const { log, number: connection } = this.#options;
    if (lostBytes > 0) log.info(`dropping ${what}`, { connection, bytes: lostBytes });
    if (payloads.length > 1) log.info(`doubling ${what}`, { connection });
    if (delayMs > 0) log.info(`delaying ${what}`, { connection, milliseconds: delayMs });
    if (late !== undefined) log.info(`holding ${what}`, { connection });
  }

  #observe(direction: 'in' | 'out', channel: number, bytes: number): void {
    const { faults, number: connection } = this.#options;
    faults.observe({ direction, channel, bytes, at: performance.now(), connection });
  }
}

function parseResize(payload: Uint8Array): z.infer<typeof resizeShape> | undefined {
  try {
    return resizeShape.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    return undefined;
  }
}
