import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { SignedUpgrade } from '../src/aws/sign-upgrade.ts';
import { type Figure, inTurns, median } from './figures.ts';
import { bare, Stage } from './stage.ts';

/** From a cut of the network to the answer to the next request, against an upgrade alone. */
export async function reattachFigures(rounds = 15): Promise<Figure[]> {
  const stage = new Stage();
  try {
    await stage.startService();
    const bridge = await stage.begun('reattach', [process.execPath, bare('agent.mjs')]);
    let id = 1;
    // So that the shell of the bare upgrades is there before they are measured.
    await upgradeMs(await stage.upgrade(0));
    const request = async (): Promise<number> => {
      id += 1;
      const began = performance.now();
      await bridge.request(id, 'bench/echo');
      return performance.now() - began;
    };
    const runs = await inTurns(rounds, {
      reattach: async () => {
        await request();
        // A connection that was cut before has proved good again.
        await setTimeout(300);
        stage.cut();
        return request();
      },
      request,
      upgrade: async () => upgradeMs(await stage.upgrade(0)),
    });
    const ours = median(runs.reattach) - median(runs.request);
    const limit = median(runs.upgrade);
    return [
      {
        part: 'reattach',
        what: 'from a cut to the next answer, less a round trip',
        unit: 'ms',
        ours,
        limit,
        limitIs: 'one bare upgrade',
        target: { says: '≤ 1 upgrade + 30 ms', isMet: ours <= limit + 30 },
        runs: rounds,
      },
    ];
  } finally {
    await stage.end();
  }
}

/** From the request for a shell that is there to its confirmation. */
export async function upgradeMs({ url, headers }: SignedUpgrade): Promise<number> {
  const began = performance.now();
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  await new Promise((resolve) => socket.once('message', resolve));
  const ms = performance.now() - began;
  socket.terminate();
  return ms;
}
