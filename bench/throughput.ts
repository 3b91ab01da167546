import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { atLeast, atMost, type Figure, inTurns, median } from './figures.ts';
import type { Program } from './program.ts';
import { bare, Stage } from './stage.ts';

const megabyte = 1024 * 1024;
/** AWS quotas: 64 KB a frame, 250 frames a second. */
const serviceLimit = (64 * 1024 * 250) / megabyte;

/** Many updates from the agent, much input to it, and the processor's time for 10,000 updates. */
export async function throughputFigures(rounds = 5): Promise<Figure[]> {
  const stage = new Stage();
  try {
    await stage.startService();
    const agent = [process.execPath, bare('agent.mjs')];
    const bridge = await stage.begun('throughput', agent);
    let id = 1;
    const flood = async (
      program = bridge,
      count = outBytes / updateBytes,
      size = updateBytes,
    ): Promise<number> => {
      id += 1;
      const began = performance.now();
      await program.request(id, 'bench/flood', { count, size });
      return rate(count * size, began);
    };
    const plainPipe = async (): Promise<number> => {
      const program = stage.start([bare('agent.mjs')]);
      // Node's own start is not the pipe's.
      await program.request(0, 'initialize');
      const perSecond = await flood(program);
      await program.end();
      return perSecond;
    };
    const plainPty = async (): Promise<number> => {
      const program = stage.start([bare('pty.mjs'), ...agent]);
      await program.request(0, 'initialize');
      const perSecond = await flood(program);
      await program.end();
      return perSecond;
    };
    const relayed = await stage.relay(agent.join(' '));
    const byFiles = await stage.relay(`bash ${bare('by-files.sh')} ${agent.join(' ')}`, 'paced');
    const official = await stage.openShell(agent.join(' '));
    await flood();
    const out = await inTurns(rounds, {
      bridge: flood,
      pipe: plainPipe,
      pty: plainPty,
      relay: () => flood(relayed),
      files: () => flood(byFiles),
      official: () => flood(official),
    });
    const cpu = await inTurns(rounds, {
      bridge: () => cpuOf(bridge, () => flood(bridge, 10 * updates, 300)),
      relay: () => cpuOf(relayed, () => flood(relayed, 10 * updates, 300)),
      official: () => cpuOf(official, () => flood(official, 10 * updates, 300)),
    });

    const note = `{"jsonrpc":"2.0","method":"bench/input","params":{"text":"${'x'.repeat(16_000)}"}}`;
    const upload = async (program: Program): Promise<number> => {
      id += 1;
      const began = performance.now();
      const taken = program.request(id, 'bench/sink', { bytes: inBytes });
      for (let sent = 0; sent < inBytes; sent += note.length + 1) program.write(note);
      await taken;
      return rate(inBytes, began);
    };
    const before = stage.closeCodes.length;
    const input = await inTurns(3, {
      bridge: () => upload(bridge),
      files: () => upload(byFiles),
    });
    const ours = median(out.bridge);
    const theirs = median(out.pty);
    const figure = {
      part: 'throughput',
      what: 'updates from the agent',
      unit: 'MB/s',
      ours,
      runs: rounds,
    } as const;
    const used = {
      ...figure,
      part: 'processor',
      what: '10,000 updates of 300 bytes',
      unit: 'ms',
      ours: median(cpu.bridge),
    } as const;
    const closed = stage.closeCodes.slice(before).filter((code) => code === 1008).length;
    const inward = median(input.bridge);
    const target = atLeast(0.74, inward, serviceLimit);
    return [
      {
        ...figure,
        limit: theirs,
        limitIs: 'the agent in a PTY, read by a plain process',
        target: undefined,
      },
      { ...figure, limit: median(out.pipe), limitIs: 'the agent writing to a pipe', target: undefined },
      {
        ...figure,
        limit: median(out.relay),
        limitIs: 'bare WebSocket, the agent in the PTY',
        target: undefined,
      },
      {
        ...figure,
        limit: median(out.files),
        limitIs: 'bare WebSocket, the agent behind files in the PTY',
        target: atLeast(0.9, ours, median(out.files)),
      },
      {
        ...figure,
        limit: median(out.official),
        limitIs: 'openShell, the agent in the PTY',
        target: undefined,
      },
      {
        ...figure,
        what: `input to the agent (closed with 1008: ${closed})`,
        ours: inward,
        limit: serviceLimit,
        limitIs: '64 KB × 250/s',
        runs: 3,
        target: { ...target, isMet: target.isMet && closed === 0 },
      },
      {
        ...figure,
        what: 'input to the agent',
        ours: inward,
        limit: median(input.files),
        limitIs: 'bare WebSocket, 60 KB × 200/s, behind files',
        runs: 3,
        target: undefined,
      },
      {
        ...used,
        limit: median(cpu.relay),
        limitIs: 'bare WebSocket',
        target: atMost(2.5, used.ours, median(cpu.relay)),
      },
      { ...used, limit: median(cpu.official), limitIs: 'openShell', target: undefined },
    ];
  } finally {
    await stage.end();
  }
}

/** What the processor's time is told of. Ten times as many are measured. */
const updates = 10_000;
const updateBytes = 1024;
const outBytes = 32 * megabyte;
const inBytes = 45 * megabyte;

function rate(bytes: number, began: number): number {
  return bytes / megabyte / ((performance.now() - began) / 1_000);
}

async function cpuOf(program: { readonly cpuMs: number }, work: () => Promise<unknown>): Promise<number> {
  const before = program.cpuMs;
  await work();
  return (program.cpuMs - before) / 10;
}
