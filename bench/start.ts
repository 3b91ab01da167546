import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { capabilityCache } from '../src/cli/capability-cache.ts';
import { atMost, type Figure, inTurns, median } from './figures.ts';
import { bare, runtimeArn, Stage } from './stage.ts';

const agent = ['agent'];
const ignore = (): void => undefined;

/** From the start of the process to the first answer that needs no network, and to the upgrade request on the wire. */
export async function startFigures(rounds = 21): Promise<Figure[]> {
  const stage = new Stage();
  let onRequest = ignore;
  const server = createServer((socket: Socket) => {
    socket.on('error', ignore);
    // The first bytes of a request; nothing answers it.
    socket.once('data', () => onRequest());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = stage.env(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  capabilityCache({
    runtime: runtimeArn,
    qualifier: 'DEFAULT',
    command: agent.join(' '),
    env,
    log: { error: ignore, warn: ignore, info: ignore, debug: ignore },
  }).write(
    '1 {}',
    JSON.stringify({ initialize: '{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}' }),
  );

  const bareNode = async (): Promise<number> => {
    const began = performance.now();
    await stage.start(['-e', '0'], env).end();
    return performance.now() - began;
  };
  const firstAnswer = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number> => {
    const began = performance.now();
    const program = stage.bridge([], agent, env);
    program.write(initialize('openab'));
    await program.line();
    const ms = performance.now() - began;
    await program.end(signal);
    return ms;
  };
  const upgrade = async (
    args: readonly string[],
    signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
  ): Promise<number> => {
    const requested = Promise.withResolvers<number>();
    const began = performance.now();
    onRequest = () => requested.resolve(performance.now() - began);
    const program = args.length > 0 ? stage.start(args, env) : stage.bridge([], agent, env);
    program.write(initialize('editor'));
    const ms = await requested.promise;
    await program.end(signal);
    return ms;
  };
  try {
    // Node's compile cache is written by a process that ends by itself.
    await firstAnswer('SIGTERM');
    await upgrade([], 'SIGTERM');
    const runs = await inTurns(rounds, {
      node: bareNode,
      answer: firstAnswer,
      upgrade: () => upgrade([]),
      official: () => upgrade([bare('open-shell.mjs'), runtimeArn]),
    });
    const [node, answer, request, official] = [runs.node, runs.answer, runs.upgrade, runs.official].map(
      median,
    ) as [number, number, number, number];
    const of = { part: 'start', unit: 'ms', limit: node, limitIs: 'node -e 0', runs: rounds } as const;
    return [
      {
        ...of,
        what: 'first answer (initialize, known agent)',
        ours: answer,
        target: atMost(1.6, answer, node),
      },
      { ...of, what: 'upgrade request on the wire', ours: request, target: atMost(2.5, request, node) },
      {
        ...of,
        what: 'upgrade request on the wire',
        ours: request,
        limit: official,
        limitIs: 'openShell',
        target: undefined,
      },
    ];
  } finally {
    server.close();
    await stage.end();
  }
}

function initialize(client: string): string {
  const params = { protocolVersion: 1, clientInfo: { name: client, version: '1' }, clientCapabilities: {} };
  return JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
}
