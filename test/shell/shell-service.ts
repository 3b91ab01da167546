import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { Queue } from './queue.ts';

/** A connection as the service sees it. */
export interface Peer {
  readonly socket: WebSocket;
  readonly tcp: Socket;
  readonly request: IncomingMessage;
  /** Frames in the order of arrival. */
  readonly frames: Queue<Uint8Array>;
  /** Every frame that arrived, and when. */
  readonly arrivals: { readonly at: number; readonly bytes: number; readonly channel: number | undefined }[];
  readonly closed: Promise<number>;
  send(channel: number, payload: string | Uint8Array): void;
}

export interface Refusal {
  readonly status: number;
  readonly errorType?: string;
  readonly date?: string;
  readonly retryAfter?: string;
  readonly body?: string;
}

/** A WebSocket server on loopback that the tests lead by hand. */
export class ShellService {
  readonly peers = new Queue<Peer>();
  /** Upgrade requests, the refused ones too. */
  readonly requests: IncomingMessage[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #wss = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 1 << 26 });
  #refusals: Refusal[] = [];
  /** Takes the place of the upgrade where set. */
  onUpgrade: ((request: IncomingMessage, socket: Duplex) => void) | undefined;

  private constructor() {
    this.#server = createServer();
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.requests.push(request);
      const refusal = this.#refusals.shift();
      if (refusal !== undefined) refuse(socket, refusal);
      else if (this.onUpgrade !== undefined) this.onUpgrade(request, socket);
      else this.#wss.handleUpgrade(request, socket, head, (ws) => this.peers.push(peerOf(ws, request)));
    });
  }

  static async start(): Promise<ShellService> {
    const service = new ShellService();
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next upgrades are answered with these instead. */
  refuse(...refusals: readonly Refusal[]): void {
    this.#refusals.push(...refusals);
  }

  /** Ends every connection, and listens no longer. */
  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function refuse(socket: Duplex, { status, errorType, date, retryAfter, body = '' }: Refusal): void {
  const type = errorType === undefined ? '' : `x-amzn-ErrorType: ${errorType}\r\n`;
  const time = date === undefined ? '' : `Date: ${date}\r\n`;
  const after = retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`;
  socket.end(
    `HTTP/1.1 ${status} No\r\n${type}${time}${after}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function peerOf(socket: WebSocket, request: IncomingMessage): Peer {
  const frames = new Queue<Uint8Array>();
  const arrivals: Peer['arrivals'] = [];
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => {
    arrivals.push({ at: performance.now(), bytes: data.length, channel: data[0] });
    frames.push(data);
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const send = (channel: number, payload: string | Uint8Array): void => {
    socket.send(Buffer.concat([Uint8Array.of(channel), Buffer.from(payload)]));
  };
  return { socket, tcp: request.socket, request, frames, arrivals, closed, send };
}
