/** A client of the shells API that hides nothing: what tests of the local AgentCore look through. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { WebSocket } from 'ws';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { LocalAgentCore } from '../../src/local/options.ts';
import type { LocalCredentials } from '../../src/local/http/sigv4-verify.ts';

export const runtimeArn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/test-AbCdEf1234';
export const sessionHeader = 'X-Amzn-Bedrock-AgentCore-Runtime-Session-Id';

let sessionCount = 0;
/** A session id that no other test has. */
export function newSessionId(): string {
  sessionCount += 1;
  return `session-${process.pid}-${Date.now()}-${String(sessionCount).padStart(20, '0')}`;
}

export interface OpenOptions {
  readonly sessionId?: string | undefined;
  readonly shellId?: string | undefined;
  readonly arn?: string;
  readonly credentials?: LocalCredentials;
  readonly headers?: Record<string, string>;
  readonly region?: string;
  readonly service?: string;
  readonly signingDate?: Date;
  /** The name in Host. Default 127.0.0.1. */
  readonly host?: string;
}

export type Answer =
  | { readonly kind: 'open'; readonly client: Client }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: string;
    };

/** The request of an upgrade, its headers signed. */
export async function signUpgrade(
  core: LocalAgentCore,
  options: OpenOptions = {},
): Promise<{ url: string; headers: Record<string, string> }> {
  const path = `/runtimes/${encodeURIComponent(options.arn ?? runtimeArn)}/ws/shells`;
  const query: Record<string, string> = { qualifier: 'DEFAULT' };
  if (options.shellId !== undefined) query['shellId'] = options.shellId;
  const headers: Record<string, string> = { host: `${options.host ?? '127.0.0.1'}:${core.port}` };
  if (options.sessionId !== undefined) headers[sessionHeader] = options.sessionId;
  const signed = await signer(core, options).sign(
    new HttpRequest({ method: 'GET', hostname: '127.0.0.1', path, query, headers }),
    options.signingDate === undefined ? {} : { signingDate: options.signingDate },
  );
  return {
    url: `${core.url.replace(/^http/, 'ws')}${path}?${new URLSearchParams(query).toString()}`,
    headers: signed.headers,
  };
}

export function signer(core: LocalAgentCore, options: OpenOptions = {}): SignatureV4 {
  return new SignatureV4({
    credentials: options.credentials ?? core.credentials[0],
    region: options.region ?? 'us-east-1',
    service: options.service ?? 'bedrock-agentcore',
    sha256: Sha256,
  });
}

/** Opens a shell, or comes back with the refusal. */
export async function tryOpen(core: LocalAgentCore, options: OpenOptions = {}): Promise<Answer> {
  const { url, headers } = await signUpgrade(core, options);
  const trusted = core.caFile === undefined ? {} : { ca: readFileSync(core.caFile) };
  return connect(url, { ...headers, ...options.headers }, [], trusted);
}

/** Opens a shell that must open. */
export async function open(core: LocalAgentCore, options: OpenOptions = {}): Promise<Client> {
  const answer = await tryOpen(core, options);
  if (answer.kind === 'open') return answer.client;
  throw new Error(`refused with ${answer.status}: ${answer.body}`);
}

/** A shell that must be refused. */
export async function refusal(
  core: LocalAgentCore,
  options: OpenOptions = {},
): Promise<Extract<Answer, { kind: 'refused' }> & { errorType: string }> {
  const answer = await tryOpen(core, options);
  if (answer.kind === 'open') throw new Error('it was not refused');
  return { ...answer, errorType: String(answer.headers['x-amzn-errortype']) };
}

export function connect(
  url: string,
  headers: Record<string, string>,
  protocols: string[] = [],
  tls: { readonly ca?: Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url, protocols, { ...tls, headers, perMessageDeflate: false });
    let response: IncomingMessage | undefined;
    webSocket.on('upgrade', (message) => {
      response = message;
    });
    const client = new Client(webSocket, () => response!);
    webSocket.on('open', () => {
      resolve({ kind: 'open', client });
    });
    webSocket.on('unexpected-response', (request, message) => {
      let body = '';
      message.setEncoding('utf8').on('data', (text: string) => (body += text));
      message.on('end', () => {
        resolve({ kind: 'refused', status: message.statusCode ?? 0, headers: message.headers, body });
        request.destroy();
      });
    });
    webSocket.on('error', reject);
  });
}

export interface Frame {
  readonly channel: number;
  readonly payload: Buffer;
}

/** An attached client. Keeps every frame. */
export class Client {
  readonly webSocket: WebSocket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #upgrade: () => IncomingMessage;
  readonly #waiting = new Set<() => void>();

  /** @param upgrade the 101 answer, once it is there */
  constructor(webSocket: WebSocket, upgrade: () => IncomingMessage) {
    this.webSocket = webSocket;
    this.#upgrade = upgrade;
    webSocket.on('message', (data: Buffer) => {
      this.frames.push({ channel: data[0] ?? -1, payload: data.subarray(1) });
      for (const check of this.#waiting) check();
    });
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        for (const check of this.#waiting) check();
      });
    });
  }

  /** Headers of the 101 answer. */
  get headers(): IncomingHttpHeaders {
    return this.#upgrade().headers;
  }

  /** The TCP connection below. */
  get socket(): Socket {
    return this.#upgrade().socket;
  }

  get output(): Buffer {
    return Buffer.concat(this.frames.filter(({ channel }) => channel === 1).map(({ payload }) => payload));
  }

  get text(): string {
    return this.output.toString();
  }

  get statuses(): { metadata: Record<string, unknown>; status: string; [key: string]: unknown }[] {
    return this.frames
      .filter(({ channel }) => channel === 3)
      .map(({ payload }) => JSON.parse(payload.toString()));
  }

  send(channel: number, payload: string | Uint8Array = ''): void {
    this.webSocket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(payload)]));
  }

  /** Types into the shell. */
  type(text: string | Uint8Array): void {
    this.send(0, text);
  }

  /** Resolves when `condition` holds, which each frame may bring; rejects when the connection closes before. */
  until(condition: (client: this) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (condition(this)) resolve();
        else if (this.webSocket.readyState === WebSocket.CLOSED) {
          reject(new Error(`closed before it came; output: ${JSON.stringify(this.text.slice(-500))}`));
        } else return;
        this.#waiting.delete(check);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Types a command and resolves with what it printed. Markers are split so that the echo of the command is no match. */
  async run(command: string): Promise<string> {
    const before = this.output.length;
    const mark = `m${Math.random().toString(36).slice(2)}`;
    this.type(`printf '<%s>' ${mark}; ${command}; printf '</%s>' ${mark}\n`);
    const since = (): string => this.output.subarray(before).toString();
    await this.until(() => since().includes(`</${mark}>`));
    return since().slice(since().indexOf(`<${mark}>`) + mark.length + 2, since().indexOf(`</${mark}>`));
  }

  /** Leaves without ending the shell. */
  async detach(): Promise<void> {
    this.webSocket.close(1000);
    await this.closed;
  }
}

/** StopRuntimeSession. */
export async function stop(
  core: LocalAgentCore,
  sessionId: string,
  clientToken: string = 'a'.repeat(33),
): Promise<{ status: number; errorType: string | null; body: unknown }> {
  const body = JSON.stringify({ clientToken });
  const path = `/runtimes/${encodeURIComponent(runtimeArn)}/stopruntimesession`;
  const signed = await signer(core).sign(
    new HttpRequest({
      method: 'POST',
      hostname: '127.0.0.1',
      path,
      headers: { host: `127.0.0.1:${core.port}`, [sessionHeader]: sessionId },
      body,
    }),
  );
  const response = await fetch(`${core.url}${path}`, { method: 'POST', headers: signed.headers, body });
  return {
    status: response.status,
    errorType: response.headers.get('x-amzn-errortype'),
    body: await response.json(),
  };
}
