import { type Injected, type Lane, serviceHourMs } from './lane.ts';
import { emptyTally, faultsOf, type Tally } from './ledger.ts';

export interface RunFacts {
  readonly seed: number;
  readonly messages: number;
  readonly faults: number;
  readonly lanes: number;
  readonly pace?: string | undefined;
  readonly memory?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly seconds: number;
}

/** What a run came to, for people. */
export function chaosTable(lanes: readonly Lane[], facts: RunFacts): string {
  const kinds = new Map<string, Injected>();
  for (const lane of lanes) {
    for (const [name, { count, recoveries }] of lane.injected) {
      const entry = kinds.get(name) ?? { count: 0, recoveries: [] };
      entry.count += count;
      entry.recoveries.push(...recoveries);
      kinds.set(name, entry);
    }
  }
  const total = (of: (lane: Lane) => number): number => lanes.reduce((sum, lane) => sum + of(lane), 0);
  const tally = lanes.map(({ stage }) => stage.ledger.tally).reduce(addTallies, emptyTally());
  const rows = [...kinds].sort(([a], [b]) => a.localeCompare(b));
  const all = [...kinds.values()].flatMap(({ recoveries }) => recoveries);
  const count = rows.reduce((sum, [, each]) => sum + each.count, 0);
  const complaints = lanes.flatMap(({ stage, options }) =>
    stage.ledger.complaints.map((each) => `  lane ${options.name}: ${each}`),
  );
  return [
    row('fault', 'injected', 'recovery p50', 'p99'),
    ...rows.map(([name, each]) => row(name, each.count, ...percentiles(each.recoveries))),
    row('all', count, ...percentiles(all)),
    '',
    `connections ${total(({ stage }) => stage.connections)}, of these ended at the service's hour (${serviceHourMs / 1000} s) ${total(({ stage }) => stage.hours)}; bridges ${total(({ stage }) => stage.bridges)}`,
    '',
    row('', 'to the agent', 'to the client'),
    row('messages', tally.up, tally.down),
    row('lost', tally.lostUp, tally.lostDown),
    row('doubled', tally.doubledUp, tally.doubledDown),
    `out of order ${tally.reordered}; requests without exactly one answer ${tally.misanswered}; otherwise wrong ${tally.otherwise}`,
    '',
    'what the promises allow, counted apart:',
    `  answered with an error, since agent, microVM or bridge ended: ${tally.refused}`,
    `  gone with an agent or its microVM, on the way to it: ${tally.lostWithAgent}`,
    `  gone with a bridge that was killed or replaced, read and not sent: ${tally.lostWithBridge}`,
    `  shown again behind such an end: ${tally.shownAgain}, the oldest ${Math.round(tally.shownAgainMs)} ms before it; questions asked again: ${tally.askedAgain}`,
    `  conversations that began anew, and were told so: ${tally.begunAnew}`,
    `  second bridges that had to leave the thread to the first: ${total(({ stage }) => stage.drivenOut)}`,
    '',
    ...complaints,
    `${faultsOf(tally) === 0 ? 'WHOLE' : 'BROKEN'} in ${facts.seconds.toFixed(1)} s: npm run chaos -- ${command(facts)}`,
  ].join('\n');
}

function command({ seed, messages, faults, lanes, pace, memory, only }: RunFacts): string {
  const paced = pace === undefined ? '' : ` --pace ${pace}`;
  const remembering = memory === undefined ? '' : ` --memory ${memory}`;
  const chosen = only === undefined ? '' : ` --only '${only.join(',')}'`;
  return `--seed ${seed} --messages ${messages} --faults ${faults} --lanes ${lanes}${paced}${remembering}${chosen}`;
}

function addTallies(sum: Tally, tally: Tally): Tally {
  const added = { ...sum };
  for (const key of Object.keys(tally) as (keyof Tally)[]) added[key] += tally[key];
  added.shownAgainMs = Math.max(sum.shownAgainMs, tally.shownAgainMs);
  return added;
}

function row(name: string, ...cells: readonly (string | number)[]): string {
  return `${name.padEnd(32)}${cells.map((cell) => String(cell).padStart(16)).join('')}`;
}

function percentiles(times: readonly number[]): [p50: string, p99: string] {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)} ms`;
  return [at(0.5), at(0.99)];
}
