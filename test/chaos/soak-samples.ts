import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { Bridge } from './bridge.ts';
import type { Stage } from './stage.ts';
import { grows, trendOf } from './trend.ts';

/** What is measured, at one moment. Sizes in MB. */
export interface Sample {
  readonly at: number;
  /** Resident memory of the bridge. */
  readonly rss: number;
  /** Of these, what is in use when garbage is collected: undefined where it was not. */
  readonly live: number | undefined;
  /** Sockets, pipes, timers and the like, at such a moment. */
  readonly resources: number | undefined;
  /** Descriptors that the bridge has open. */
  readonly fds: number;
  /** Processes in the microVM. */
  readonly processes: number;
  /** What the agent host keeps: written ever, and on the disk. */
  readonly inWritten: number;
  readonly inDisk: number;
  readonly outWritten: number;
  readonly outDisk: number;
  readonly errDisk: number;
}

/** @param isDeep Whether the bridge is to collect its garbage for this */
export async function measure(stage: Stage, bridge: Bridge, at: number, isDeep: boolean): Promise<Sample> {
  const bridgePid = bridge.child.pid;
  const status = await readFile(`/proc/${bridgePid}/status`, 'utf8').catch(() => '');
  const fds = await readdir(`/proc/${bridgePid}/fd`).catch(() => []);
  const shellPid = stage.local.sessions()[0]?.shells[0]?.pid;
  const self = isDeep ? await bridge.report() : undefined;
  const kept = await keptBy(shellPid);
  return {
    at,
    rss: Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024,
    live: self && self.live / megabyte,
    resources: self?.resources,
    fds: fds.length,
    processes: await processesBeside(shellPid),
    inWritten: kept.in.written,
    inDisk: kept.in.disk,
    outWritten: kept.out.written,
    outDisk: kept.out.disk,
    errDisk: kept.err.disk,
  };
}

/** What came of it: a table, and whether all is flat that is to be. The first quarter counts as warming up. */
export function soakTable(samples: readonly Sample[]): { readonly table: string; readonly isFlat: boolean } {
  const settled = samples.slice(Math.floor(samples.length / 4));
  const rows = watched.map(({ name, of, tolerated }) => {
    const trend = trendOf(
      settled.flatMap((sample) => {
        const value = of(sample);
        return value === undefined ? [] : [[sample.at, value] as const];
      }),
    );
    return { name, trend, isGrowing: grows(trend, tolerated) };
  });
  const last = samples.at(-1);
  const deep = samples.filter(({ live }) => live !== undefined);
  const times = [0, 1, 2, 3, 4, 5].map((i) => deep[Math.round(((deep.length - 1) * i) / 5)]);
  return {
    isFlat: rows.every(({ isGrowing }) => !isGrowing),
    table: [
      line('', ...times.map((sample) => `${sample?.at ?? 0} s`)),
      ...watched.map(({ name, of }) => line(name, ...times.map((sample) => show(sample && of(sample))))),
      line('bridge: MB resident', ...times.map((sample) => show(sample?.rss))),
      line('MB written to in', ...times.map((sample) => show(sample?.inWritten ?? 0))),
      line('MB written to out', ...times.map((sample) => show(sample?.outWritten ?? 0))),
      '',
      line('', 'from', 'to', 'noise', 'verdict'),
      ...rows.map(({ name, trend, isGrowing }) =>
        line(name, ...[trend.from, trend.to, trend.noise].map(show), isGrowing ? 'GROWS' : 'flat'),
      ),
      `freed: ${show((last?.inWritten ?? 0) - (last?.inDisk ?? 0))} MB of in, ${show((last?.outWritten ?? 0) - (last?.outDisk ?? 0))} MB of out`,
    ].join('\n'),
  };
}

const watched: readonly {
  readonly name: string;
  readonly of: (sample: Sample) => number | undefined;
  /** What it may grow by in a run, however long: caches fill up, and collections come when they come. */
  readonly tolerated: number;
}[] = [
  { name: 'bridge: MB in use', of: ({ live }) => live, tolerated: 3 },
  { name: 'bridge: handles', of: ({ resources }) => resources, tolerated: 3 },
  { name: 'bridge: descriptors', of: ({ fds }) => fds, tolerated: 1 },
  { name: 'microVM: processes', of: ({ processes }) => processes, tolerated: 1 },
  { name: 'microVM: MB of in', of: ({ inDisk }) => inDisk, tolerated: 5 },
  // Freed every 64 MB, and at each attach.
  { name: 'microVM: MB of out', of: ({ outDisk }) => outDisk, tolerated: 64 },
  { name: 'microVM: MB of err', of: ({ errDisk }) => errDisk, tolerated: 1 },
];

interface Kept {
  written: number;
  disk: number;
}

/** The files of all epochs, seen through the root of a process in the microVM. */
async function keptBy(pid: number | undefined): Promise<Record<'in' | 'out' | 'err', Kept>> {
  const kept = { in: { written: 0, disk: 0 }, out: { written: 0, disk: 0 }, err: { written: 0, disk: 0 } };
  if (pid === undefined) return kept;
  const uid = process.getuid?.() ?? 0;
  const root = `/proc/${pid}/root/tmp/.agentcore-bridge-${uid}`;
  const names = await readdir(root, { recursive: true }).catch(() => []);
  for (const name of names) {
    const kind = name.split('/').at(-1);
    if (kind !== 'in' && kind !== 'out' && kind !== 'err') continue;
    const file = await stat(join(root, name)).catch(() => undefined);
    kept[kind].written += (file?.size ?? 0) / megabyte;
    kept[kind].disk += ((file?.blocks ?? 0) * 512) / megabyte;
  }
  return kept;
}

/** How many processes see the same mounts as this one. */
async function processesBeside(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const namespace = await stat(`/proc/${pid}/ns/mnt`).catch(() => undefined);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const others = await Promise.all(pids.map((each) => stat(`/proc/${each}/ns/mnt`).catch(() => undefined)));
  return others.filter((each) => each !== undefined && each.ino === namespace?.ino).length;
}

const megabyte = 1024 * 1024;

function show(value: number | undefined): string {
  return value?.toFixed(1) ?? '';
}

function line(name: string, ...cells: readonly string[]): string {
  return `${name.padEnd(24)}${cells.map((cell) => cell.padStart(10)).join('')}`;
}
