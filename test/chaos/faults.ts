import { setTimeout as delay } from 'node:timers/promises';
import type { Cut } from '../../src/local/behaviour/faults.ts';
import type { Pace } from './programs.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

export interface FaultKind {
  readonly name: string;
  readonly weight: number;
  /** Undefined: any. */
  readonly paces?: readonly Pace[];
  /** Resolves to the moment, by `performance.now`, from which recovery counts. */
  readonly inject: (stage: Stage, random: Random) => Promise<number>;
}

export const now = (): number => performance.now();
export const hows: readonly [Cut, ...Cut[]] = ['rst', 'fin', 1001, 1011];

function loseSome({ local }: Stage, random: Random): void {
  local.faults.loseInFlight({
    input: random.chance(0.5) ? random.magnitude(1, 10_000) : 0,
    output: random.chance(0.5) ? random.magnitude(1, 100_000) : 0,
  });
}

export function cutNow(how: Cut): FaultKind['inject'] {
  return async (stage, random) => {
    loseSome(stage, random);
    const since = now();
    stage.local.faults.cut(how);
    return since;
  };
}

/** In the middle of a frame, wherever that is. */
function cutAt(direction: 'in' | 'out'): FaultKind['inject'] {
  return async (stage, random) => {
    loseSome(stage, random);
    const how = random.oneOf(hows);
    stage.local.faults.cutAfter({ direction, bytes: random.magnitude(1, 60_000), how });
    if (!(await stage.happened('cutting', 10_000))) stage.local.faults.cut(how);
    return now();
  };
}

/** Holds for a while, then is undone. */
export function aWhile(
  [from, to]: readonly [number, number],
  begin: (stage: Stage, random: Random) => void,
  end: (stage: Stage) => void,
): FaultKind['inject'] {
  return async (stage, random) => {
    begin(stage, random);
    await delay(random.magnitude(from, to));
    end(stage);
    return now();
  };
}

export function reading(
  readings: Parameters<Stage['local']['faults']['changeReadings']>[0],
): FaultKind['inject'] {
  return (stage, random) => {
    stage.local.faults.changeReadings(readings);
    return cutNow(random.oneOf(hows))(stage, random);
  };
}

/** Nothing else happens until a connection has become too old. */
function growOld(count: (stage: Stage) => number): FaultKind['inject'] {
  return async (stage) => {
    for (const before = count(stage); count(stage) === before;) await delay(5);
    return now();
  };
}

const refusedForAWhile: readonly [number, ...number[]] = [402, 409, 424, 429, 500, 502, 503];

async function evict(stage: Stage): Promise<void> {
  stage.ledger.losing();
  await stage.local.faults.evict();
}

function evictionBy(eviction: '0xff-1000' | '0xff-1001'): FaultKind['inject'] {
  return async (stage) => {
    const since = now();
    stage.local.faults.changeReadings({ eviction });
    await evict(stage);
    stage.local.faults.changeReadings({ eviction: 1001 });
    return since;
  };
}

export const faultKinds: readonly FaultKind[] = [
  ...hows.map((how) => ({ name: `cut by ${how}`, weight: 6, inject: cutNow(how) })),
  // The bridge takes it for too many frames, and is slower from then on.
  { name: 'cut by 1008', weight: 1, inject: cutNow(1008) },
  { name: 'cut at a byte of input', weight: 10, inject: cutAt('in') },
  { name: 'cut at a byte of output', weight: 10, inject: cutAt('out') },
  { name: 'half-open socket', weight: 4, paces: ['hurried'], inject: cutNow('silence') },
  {
    name: 'network outage',
    weight: 4,
    inject: aWhile(
      [10, 1500],
      ({ local }) => local.faults.blackhole(true),
      ({ local }) => local.faults.blackhole(false),
    ),
  },
  {
    name: 'long network outage',
    weight: 1,
    paces: ['hurried'],
    inject: aWhile(
      [1500, 6000],
      ({ local }) => local.faults.blackhole(true),
      ({ local }) => local.faults.blackhole(false),
    ),
  },
  {
    name: 'hour limit',
    weight: 1,
    paces: ['shipped'],
    inject: growOld(({ hours }) => hours),
  },
  {
    name: 'hand-over before the hour limit',
    weight: 1,
    paces: ['hurried'],
    inject: growOld(({ connections }) => connections),
  },
  {
    name: 'output in small frames',
    weight: 3,
    inject: aWhile(
      [50, 500],
      ({ local }, random) => local.faults.splitOutput(random.magnitude(1, 5000)),
      ({ local }) => local.faults.splitOutput(undefined),
    ),
  },
  {
    name: 'output merged',
    weight: 3,
    inject: aWhile(
      [50, 500],
      ({ local }, random) => local.faults.mergeOutput(random.magnitude(2, 200)),
      ({ local }) => local.faults.mergeOutput(0),
    ),
  },
  { name: 'replay of what was sent', weight: 3, inject: reading({ replay: 'recent' }) },
  { name: 'replay of the undelivered', weight: 3, inject: reading({ replay: 'undelivered' }) },
  {
    name: 'confirmation late',
    weight: 2,
    inject: reading({ confirmation: 'late', confirmationDelayMs: 400 }),
  },
  {
    name: 'confirmation twice',
    weight: 2,
    inject: reading({ confirmation: 'twice', bytesDroppedIn: 'second' }),
  },
  { name: 'confirmation behind output', weight: 2, inject: reading({ confirmation: 'after-output' }) },
  { name: 'no confirmation', weight: 1, inject: reading({ confirmation: 'never' }) },
  {
    name: 'confirmation first',
    weight: 6,
    inject: reading({ confirmation: 'first', bytesDroppedIn: 'first' }),
  },
  {
    name: 'upgrades refused',
    weight: 3,
    inject: async (stage, random) => {
      stage.local.faults.refuseUpgrades({
        status: random.oneOf(refusedForAWhile),
        times: random.between(1, 3),
      });
      return cutNow(random.oneOf(hows))(stage, random);
    },
  },
  {
    name: 'attaches fail (InternalError)',
    weight: 3,
    inject: (stage, random) => {
      stage.local.faults.failAttaches({ times: random.between(1, 3) });
      return cutNow(random.oneOf(hows))(stage, random);
    },
  },
  {
    name: 'upgrade delayed',
    weight: 2,
    inject: async (stage, random) => {
      stage.local.faults.delayUpgrades(random.magnitude(10, 1000));
      return cutNow(random.oneOf(hows))(stage, random);
    },
  },
  {
    name: 'upgrade without an answer',
    weight: 1,
    paces: ['hurried'],
    inject: async (stage, random) => {
      stage.local.faults.hangUpgrades(1);
      return cutNow(random.oneOf(hows))(stage, random);
    },
  },
  {
    name: 'clock off by under 5 minutes',
    weight: 2,
    inject: async (stage, random) => {
      stage.local.faults.skewClock(random.between(-290_000, 290_000));
      return cutNow(random.oneOf(hows))(stage, random);
    },
  },
  {
    name: 'clock off by more',
    weight: 2,
    inject: async (stage, random) => {
      stage.local.faults.skewClock(random.oneOf([-1, 1]) * random.between(310_000, 3_600_000));
      return cutNow(random.oneOf(hows))(stage, random);
    },
  },
  {
    name: 'noise on other channels',
    weight: 2,
    inject: async ({ local }, random) => {
      const bytes = Uint8Array.from({ length: random.magnitude(1, 2000) }, () => random.between(0, 255));
      local.faults.noise(random.oneOf([2, 4, 7, 0x77]), bytes);
      return now();
    },
  },
  {
    name: 'client stops reading',
    weight: 3,
    inject: async ({ bridge }, random) => {
      await bridge?.stallReading(random.magnitude(50, 2000));
      return now();
    },
  },
  {
    name: 'agent stops reading',
    weight: 3,
    inject: async ({ agents }, random) => {
      const ms = random.magnitude(50, 2000);
      agents.tell({ do: 'stall', ms });
      await delay(ms);
      return now();
    },
  },
  {
    name: 'bridge asleep (SIGSTOP)',
    weight: 3,
    inject: async ({ bridge }, random) => {
      bridge?.signal('SIGSTOP');
      await delay(random.magnitude(20, 2000));
      bridge?.signal('SIGCONT');
      return now();
    },
  },
  {
    name: 'shell killed',
    weight: 3,
    inject: async ({ local }) => {
      const since = now();
      for (const { shells } of local.sessions())
        for (const { shellId } of shells) local.faults.killShell(shellId);
      return since;
    },
  },
  {
    name: 'agent crash',
    weight: 3,
    inject: async ({ ledger, agents }, random) => {
      const half = random.chance(0.5);
      const since = now();
      ledger.losing();
      agents.tell({ do: 'crash', half });
      return since;
    },
  },
  {
    name: 'eviction',
    weight: 3,
    inject: async (stage) => {
      const since = now();
      await evict(stage);
      return since;
    },
  },
  { name: 'eviction by 0xFF and 1000', weight: 1, inject: evictionBy('0xff-1000') },
  { name: 'eviction by 0xFF and 1001', weight: 1, inject: evictionBy('0xff-1001') },
  {
    name: 'bridge killed (SIGKILL)',
    weight: 5,
    inject: async (stage) => {
      const since = now();
      await stage.replaceBridge('SIGKILL');
      return since;
    },
  },
  {
    name: 'bridge killed, and eviction',
    weight: 1,
    inject: async (stage) => {
      const since = now();
      await Promise.all([evict(stage), stage.replaceBridge('SIGKILL')]);
      return since;
    },
  },
  {
    name: 'bridge left (SIGTERM)',
    weight: 2,
    inject: async (stage) => {
      const since = now();
      await stage.replaceBridge('SIGTERM');
      return since;
    },
  },
  {
    name: 'bridge left (end of input)',
    weight: 2,
    inject: async (stage) => {
      const since = now();
      await stage.replaceBridge('EOF');
      return since;
    },
  },
  {
    name: 'second bridge on the thread',
    weight: 2,
    inject: async (stage) => {
      const since = now();
      await stage.overtakeBridge();
      return since;
    },
  },
];
