import { once } from 'node:events';
import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Log } from '../../base/log.ts';
import { Connection } from '../sessions/connection.ts';
import { errorTypeOf, ServiceError } from '../behaviour/service-error.ts';
import { httpDate, sendBody, sendError } from './answers.ts';
import type { FaultState } from '../behaviour/fault-state.ts';
import type { UpgradeRefusal } from '../behaviour/faults.ts';
import { channels, frame } from '../sessions/frames.ts';
import type { Limits } from '../behaviour/limits.ts';
import type { Readings } from '../behaviour/readings.ts';
import { wireRequest } from './request.ts';
import { readServiceCall, sessionIdHeader } from './service-call.ts';
import type { ServiceCall, ServiceRules } from './service-call.ts';
import type { Claim } from '../sessions/session.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { internalError } from '../sessions/status.ts';

export interface UpgradeOptions {
  readonly rules: ServiceRules;
  readonly limits: Limits;
  readonly readings: Readings;
  readonly sessions: Sessions;
  readonly faults: FaultState;
  /** Counted up from 1. */
  readonly nextConnection: () => number;
  readonly log: Log;
}

/** The connection that asks for an upgrade. */
export interface UpgradeSocket {
  /** The socket that carries HTTP. */
  readonly socket: Socket;
  /** The TCP connection: the same socket, or the one below TLS. */
  readonly network: Socket;
  /** The bytes behind the request. */
  readonly head: Buffer;
}

type ShellCall = Extract<ServiceCall, { operation: 'InvokeAgentRuntimeCommandShell' }>;

/** Answers the upgrade request of a shell: attaches it, or refuses with an HTTP error. Never rejects. */
export async function answerUpgrade(
  message: IncomingMessage,
  upgrade: UpgradeSocket,
  options: UpgradeOptions,
): Promise<void> {
  const { socket } = upgrade;
  const { faults, sessions, log } = options;
  // A client that leaves before the answer must not take the shell from the next one.
  const left = new AbortController();
  const leave = (): void => {
    left.abort();
  };
  socket.on('error', leave).on('end', leave).on('close', leave);
  try {
    await faults.reachable();
    const fault = faults.nextUpgrade();
    if (fault.kind === 'hang') {
      await once(left.signal, 'abort');
      socket.destroy();
      return;
    }
    if (fault.kind === 'refuse') {
      refuseAs(respondOn(message, socket, faults.now()), fault.refusal);
      return;
    }
    const call = readServiceCall(wireRequest(message, new Uint8Array(0)), options.rules, faults.now());
    if (call.operation !== 'InvokeAgentRuntimeCommandShell') {
      throw new ServiceError(400, 'This operation needs no WebSocket upgrade.');
    }
    const claim = await sessions.claim(call.runtimeArn, call.sessionId, call.shellId);
    try {
      if (fault.kind === 'delay') await delay(fault.milliseconds, undefined, { signal: left.signal });
      await faults.reachable();
      left.signal.throwIfAborted();
      switchProtocols(message, upgrade, {
        call,
        options,
        onOpen: (webSocket) => {
          if (fault.kind === 'fail') fail(webSocket, fault.code);
          else attach(webSocket, upgrade, { call, claim, options });
        },
      });
    } finally {
      claim.release();
    }
  } catch (error) {
    if (left.signal.aborted) {
      socket.destroy();
      return;
    }
    log.info('upgrade refused', { error: error instanceof ServiceError ? error.errorType : String(error) });
    const refusal = error instanceof ServiceError ? error : new ServiceError(500, 'Internal error');
    sendError(respondOn(message, socket, faults.now()), refusal);
  }
}

/** Completes the handshake, in the same turn of the event loop. */
function switchProtocols(
  message: IncomingMessage,
  { socket, head }: UpgradeSocket,
  {
    call,
    options,
    onOpen,
  }: { call: ShellCall; options: UpgradeOptions; onOpen: (webSocket: WebSocket) => void },
): void {
  const { limits, readings } = options;
  // A server for this upgrade alone, since its answer has headers of its own.
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes + (readings.channelByteCounts ? 0 : 1),
    handleProtocols: () => call.subprotocol ?? false,
  });
  server.on('headers', (headers) => {
    headers.push(
      `${sessionIdHeader}: ${call.sessionId}`,
      `X-Amzn-Bedrock-AgentCore-Shell-Id: ${call.shellId}`,
    );
  });
  server.handleUpgrade(message, socket, head, onOpen);
}

/** Reports that the platform could not start the shell. */
function fail(webSocket: WebSocket, code: number): void {
  webSocket.on('error', () => undefined);
  webSocket.send(frame(channels.status, internalError('The shell could not be started.')));
  webSocket.close(code, 'the shell could not be started');
}

function attach(
  webSocket: WebSocket,
  { socket, network }: UpgradeSocket,
  { call, claim, options }: { call: ShellCall; claim: Claim; options: UpgradeOptions },
): void {
  const { limits, faults, log } = options;
  const breaks = { end: () => socket.destroySoon(), reset: () => network.resetAndDestroy() };
  try {
    claim.attach(
      (events) =>
        new Connection(webSocket, breaks, events, {
          limits,
          faults,
          log,
          number: options.nextConnection(),
          sessionId: call.sessionId,
          shellId: call.shellId,
        }),
    );
  } catch (cause) {
    log.error('shell could not be started', { shellId: call.shellId, cause: String(cause) });
    webSocket.close(1011, 'the shell could not be started');
  }
}

function refuseAs(response: ServerResponse, refusal: UpgradeRefusal): void {
  const { status, errorType = errorTypeOf(status), retryAfter } = refusal;
  const headers: Record<string, string> =
    retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  if (refusal.body === undefined) {
    sendError(
      response,
      new ServiceError(status, 'Refused by a fault of the local AgentCore.', errorType),
      headers,
    );
  } else {
    sendBody(response, status, errorType, refusal.body, headers);
  }
}

/** A response on a socket that was set aside for an upgrade, with the current `Date`. */
function respondOn(message: IncomingMessage, socket: Socket, now: number): ServerResponse {
  const response = new ServerResponse(message);
  response.setHeader('date', httpDate(now));
  response.assignSocket(socket);
  response.on('finish', () => {
    socket.end();
  });
  return response;
}
