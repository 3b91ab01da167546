import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { anthropic } from './anthropic.ts';
import { replyTo, type ModelRequest } from './conversation.ts';
import { gemini } from './gemini.ts';
import { openAiChat } from './openai-chat.ts';
import { openAiResponses } from './openai-responses.ts';

/** A model for agents to talk to, which does what the prompt orders. It speaks four vendors' APIs on one port of loopback. */
export interface ModelServer {
  readonly url: string;
  /** What it was asked in conversations, oldest first; what was asked without tools is not in it. */
  readonly asked: readonly ModelRequest[];
  /** Every request as `METHOD path status`, for who wonders why an agent is silent. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

const apis = [anthropic, openAiChat, openAiResponses, gemini];

export async function startModelServer(): Promise<ModelServer> {
  const asked: ModelRequest[] = [];
  const log: string[] = [];
  const server = createServer((request, response) => {
    response.on('close', () => log.push(`${request.method} ${request.url} ${response.statusCode}`));
    answer(request, response, asked).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    log,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  asked: ModelRequest[],
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const body = await buffer(request);
  const api = request.method === 'POST' ? apis.find(({ path }) => path.test(pathname)) : undefined;
  if (api === undefined) {
    sendJson(response, ...elsewhere(pathname));
    return;
  }
  const json = JSON.parse(body.toString('utf8')) as { stream?: boolean };
  const question = api.read(json);
  if (question.tools.length > 0) asked.push(question);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const reply = replyTo(question, gone.signal);
  if (json.stream !== true && searchParams.get('alt') !== 'sse') {
    sendJson(response, 200, await api.whole(reply));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for await (const { event, data } of api.stream(reply)) {
    if (gone.signal.aborted) return;
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    response.write(`${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`);
  }
  response.end();
}

/** What agents ask besides: which models there are, and how many tokens something has. */
function elsewhere(path: string): [status: number, body: object] {
  if (path.endsWith('/models'))
    return [200, { object: 'list', data: [{ id: 'fake-model', object: 'model' }] }];
  if (path.endsWith('/count_tokens')) return [200, { input_tokens: 10 }];
  if (path.endsWith(':countTokens')) return [200, { totalTokens: 10 }];
  return [404, { error: { message: `no ${path} here`, type: 'not_found_error' } }];
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
