import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { atMost, type Figure, inTurns, median } from './figures.ts';
import type { Program } from './program.ts';
import { bare, Stage } from './stage.ts';

/** A small request and its answer, each the only one under way. */
export async function roundTripFigures(rounds = 10, requests = 25): Promise<Figure[]> {
  const stage = new Stage();
  try {
    await stage.startService();
    const agent = [process.execPath, bare('agent.mjs')];
    const bridge = await stage.begun('round-trip', agent);
    const cat = await stage.relay('cat');
    const bareAgent = await stage.relay(agent.join(' '));
    const byFiles = await stage.relay(`bash ${bare('by-files.sh')} ${agent.join(' ')}`);
    const official = await stage.openShell('cat');
    const of = (program: Program) => () => medianOf(program, requests);
    for (const program of [bridge, cat, bareAgent, byFiles, official]) await medianOf(program, requests);
    const runs = await inTurns(rounds, {
      bridge: of(bridge),
      cat: of(cat),
      agent: of(bareAgent),
      files: of(byFiles),
      official: of(official),
    });
    const ours = median(runs.bridge);
    const figure = {
      part: 'round trip',
      what: 'a small request',
      unit: 'ms',
      ours,
      runs: rounds * requests,
    } as const;
    const beside = (name: keyof typeof runs, limitIs: string): Figure => ({
      ...figure,
      limit: median(runs[name]),
      limitIs,
      target: name === 'files' ? atMost(1.3, ours, median(runs.files)) : undefined,
    });
    return [
      beside('cat', 'bare WebSocket, cat in the PTY'),
      beside('agent', 'bare WebSocket, the agent in the PTY'),
      beside('files', 'a bare Node relay on pipes, the agent behind files in the PTY'),
      beside('official', 'openShell, cat in the PTY'),
    ];
  } finally {
    await stage.end();
  }
}

let id = 1;
const pauseMs = 15;

async function medianOf(program: Program, requests: number): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < requests; n += 1) {
    id += 1;
    // Of more than some 80 in a second, each with its checkpoint, the service would take no more.
    await setTimeout(pauseMs);
    const began = performance.now();
    const answered = program.line((line) => line.includes(`"id":${id}`));
    program.write(`{"jsonrpc":"2.0","id":${id},"method":"bench/echo","params":{}}`);
    await answered;
    times.push(performance.now() - began);
  }
  return median(times);
}
