import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { httpDate, sendError } from './answers.ts';
import { ServiceError } from '../behaviour/service-error.ts';
import type { FaultState } from '../behaviour/fault-state.ts';
import type { TlsIdentity } from './certificates.ts';
import { wireRequest } from './request.ts';
import { readServiceCall, sessionIdHeader } from './service-call.ts';
import type { ServiceRules } from './service-call.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { StopAnswers } from './stop-answers.ts';
import { answerUpgrade } from './upgrade.ts';
import type { UpgradeOptions } from './upgrade.ts';

export interface ServerOptions extends UpgradeOptions {
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsIdentity | undefined;
  readonly stopAnswers: StopAnswers;
  readonly rules: ServiceRules;
  readonly sessions: Sessions;
  readonly faults: FaultState;
  readonly log: Log;
}

export interface ListeningServer {
  readonly port: number;
  /** Resolves when every socket is closed. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1. Rejects with a {@link BridgeError} `usage` if the port is not available. */
export async function listen(options: ServerOptions): Promise<ListeningServer> {
  const sockets = new Set<Socket>();
  /** For each socket that carries HTTP: the TCP connection below it. */
  const networks = new WeakMap<Socket, Socket>();
  const http = createHttpServer();
  http.on('request', (message, response) => void answerRequest(message, response, options));
  http.on('upgrade', (message, socket: Socket, head) => {
    void answerUpgrade(message, { socket, network: networks.get(socket) ?? socket, head }, options);
  });
  const { tls } = options;
  const context = tls && createSecureContext({ key: tls.key, cert: tls.certificate });
  const server = createTcpServer((network) => {
    sockets.add(network);
    network.once('close', () => sockets.delete(network));
    const socket =
      context === undefined ? network : new TLSSocket(network, { isServer: true, secureContext: context });
    networks.set(socket, network);
    // A client that does not trust the certificate leaves during the handshake.
    socket.on('error', () => network.destroy());
    http.emit('connection', socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new BridgeError('usage', `The local AgentCore can't listen on port ${options.port} of 127.0.0.1.`, {
          remedy: 'Choose another port, or none for any free one.',
          cause,
        }),
      );
    });
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function answerRequest(
  message: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const { faults } = options;
  try {
    await faults.reachable();
    response.setHeader('date', httpDate(faults.now()));
    const request = wireRequest(message, await readBody(message));
    const call = readServiceCall(request, options.rules, faults.now());
    if (call.operation !== 'StopRuntimeSession') {
      throw new ServiceError(400, 'This operation needs a WebSocket upgrade.');
    }
    const { runtimeArn, sessionId, clientToken } = call;
    await options.stopAnswers.once(`${runtimeArn}\n${sessionId}`, clientToken, () =>
      options.sessions.stop(runtimeArn, sessionId),
    );
    response.writeHead(200, { 'content-type': 'application/json', [sessionIdHeader]: sessionId });
    response.end(JSON.stringify({ statusCode: 200 }));
  } catch (error) {
    options.log.info('request refused', {
      error: error instanceof ServiceError ? error.errorType : String(error),
    });
    sendError(response, error instanceof ServiceError ? error : new ServiceError(500, 'Internal error'));
  }
}

/** Most bytes of a request body. StopRuntimeSession's holds one token. */
const largestBody = 64 * 1024;

async function readBody(message: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > largestBody) throw new ServiceError(400, `The request body is over ${largestBody} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
