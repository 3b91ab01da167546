/**
 * `npm run soak -- --minutes N`: a conversation of so many minutes through the bridge as it is shipped, with pauses in which the
 * shell is let go, and a cut or an outage from time to time. What the bridge and the microVM hold is measured all the while.
 * Ends with 1 if something grows, or is lost.
 */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setup } from '../e2e/build.ts';
import type { Cut } from '../../src/local/behaviour/faults.ts';
import { converseInAll } from './conversation.ts';
import { faultsOf } from './ledger.ts';
import { Random } from './random.ts';
import { shippedBridge } from './programs.ts';
import { measure, type Sample, soakTable } from './soak-samples.ts';
import { Stage } from './stage.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);

setup();
const stage = new Stage({
  thread: `soak-${process.pid}`,
  program: shippedBridge,
  memory: 'resume',
  connectionMs: 60_000,
  reports: true,
  args: ['--idle-detach', '3s'],
});
const random = new Random(seed);
const samples: Sample[] = [];
const beganAt = performance.now();
const endsAt = beganAt + minutes * 60_000;
const isOver = (): boolean => performance.now() >= endsAt;
/** All sessions pause together: only then the thread is at rest. */
let pausing: Promise<void> = Promise.resolve();

const sessions = await stage.start(4);
const conversations = converseInAll(sessions, seed, {
  stage,
  updates: 400,
  isOver,
  onTurn: async () => {
    await pausing;
    await delay(random.magnitude(20, 2000));
  },
});
conversations.catch(() => undefined);

const cuts: readonly [Cut, ...Cut[]] = ['rst', 'fin', 1001];
const seconds = (): number => Math.round((performance.now() - beganAt) / 1000);
let tick = 0;
while (!isOver()) {
  await delay(1000);
  tick += 1;
  const { bridge } = stage;
  if (bridge !== undefined) samples.push(await measure(stage, bridge, seconds(), tick % 10 === 5));
  if (tick % 45 === 0) {
    pausing = delay(10_000);
    await pausing;
  } else if (tick % 10 === 0) {
    if (random.chance(0.7)) {
      stage.local.faults.cut(random.oneOf(cuts));
    } else {
      stage.local.faults.blackhole(true);
      await delay(random.magnitude(100, 2000));
      stage.local.faults.blackhole(false);
    }
  }
}
try {
  await Promise.race([
    conversations,
    delay(60_000).then(() => {
      throw new Error('the last turns take over a minute');
    }),
  ]);
  await stage.settle();
} catch (error) {
  stage.ledger.otherwise(String(error));
}
const { table, isFlat } = soakTable(samples);
const facts = `${minutes} minutes, ${stage.messages} messages, ${stage.connections} connections`;
await stage.close();
const { tally, complaints } = stage.ledger;
process.stdout.write(
  [
    table,
    '',
    ...complaints,
    `${facts}: ${faultsOf(tally)} lost, doubled, out of order or unanswered`,
    '',
  ].join('\n'),
);
process.exit(isFlat && faultsOf(tally) === 0 ? 0 : 1);
