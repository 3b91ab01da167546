import type { FrameChoice, FrameLoss, LateInput } from '../../src/local/behaviour/faults.ts';
import { aWhile, cutNow, hows, now, reading, type FaultKind } from './faults.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

type Direction = 'in' | 'out';
const words = { in: 'input', out: 'output' } as const;

/** Some of the next frames. */
function someFrames(random: Random): FrameChoice {
  return { frames: random.magnitude(1, 5), afterFrames: random.magnitude(1, 40) - 1 };
}

function lose({ local: { faults } }: Stage, direction: Direction, loss: FrameLoss): void {
  if (direction === 'in') faults.dropInput(loss);
  else faults.dropOutput(loss);
}

/** Loses something on a connection that stands. Nothing may be missing afterwards, whatever it was. */
function losing(direction: Direction, loss: (random: Random) => FrameLoss): FaultKind['inject'] {
  return async (stage, random) => {
    const happened = stage.happened(`dropping ${words[direction]}`, 10_000);
    lose(stage, direction, loss(random));
    await happened;
    lose(stage, direction, { frames: 0 });
    return now();
  };
}

function doubling(direction: Direction): FaultKind['inject'] {
  return async (stage, random) => {
    const happened = stage.happened(`doubling ${words[direction]}`, 10_000);
    stage.local.faults.double(direction, someFrames(random));
    await happened;
    stage.local.faults.double(direction, { frames: 0 });
    return now();
  };
}

function delaying(direction: Direction): FaultKind['inject'] {
  return aWhile(
    [50, 1000],
    ({ local }, random) => {
      const choice = { probability: 0.2, seed: random.between(0, 2 ** 31) };
      local.faults.delay(direction, { ...choice, milliseconds: random.magnitude(1, 300) });
    },
    ({ local }) => local.faults.delay(direction, { frames: 0, milliseconds: 0 }),
  );
}

/** Input of a connection that ends comes between the input of the next one. */
function late(how: (random: Random) => Omit<LateInput, 'frames' | 'how'>): FaultKind['inject'] {
  return async (stage, random) => {
    const cut = random.oneOf(hows);
    const happened = stage.happened('cutting', 10_000);
    stage.local.faults.lateInput({ frames: random.magnitude(1, 20), how: cut, ...how(random) });
    if (await happened) return now();
    stage.local.faults.lateInput({ frames: 0, how: cut });
    return cutNow(cut)(stage, random);
  };
}

/** Loses and doubles frames both ways for a while, the handshakes among them. */
const lossyLink = aWhile(
  [100, 2000],
  (stage, random) => {
    for (const direction of ['in', 'out'] as const) {
      const choice = (): FrameChoice => ({ probability: 0.05, seed: random.between(0, 2 ** 31) });
      lose(stage, direction, { ...choice(), cut: random.chance(0.5) });
      stage.local.faults.double(direction, choice());
    }
  },
  (stage) => {
    for (const direction of ['in', 'out'] as const) {
      lose(stage, direction, { frames: 0 });
      stage.local.faults.double(direction, { frames: 0 });
    }
  },
);

/**
 * What the service may do to bytes on their way, and leave out when it confirms. None of it may lose,
 * double or reorder a message, nor cost an agent its life.
 */
export const integrityKinds: readonly FaultKind[] = [
  ...(['in', 'out'] as const).flatMap((direction) => [
    { name: `frames of ${words[direction]} lost`, weight: 4, inject: losing(direction, someFrames) },
    {
      name: `parts of frames of ${words[direction]} lost`,
      weight: 4,
      inject: losing(direction, (random) => ({ ...someFrames(random), cut: true })),
    },
    {
      name: `bytes of ${words[direction]} lost`,
      weight: 4,
      inject: losing(direction, (random) => ({
        afterBytes: random.magnitude(1, 20_000),
        bytes: random.magnitude(1, 20_000),
      })),
    },
    { name: `frames of ${words[direction]} doubled`, weight: 4, inject: doubling(direction) },
    { name: `frames of ${words[direction]} delayed`, weight: 3, inject: delaying(direction) },
  ]),
  { name: 'lossy link', weight: 3, inject: lossyLink },
  { name: 'input late', weight: 4, inject: late((random) => ({ behindFrames: random.between(0, 5) })) },
  {
    name: 'input late between frames',
    weight: 4,
    inject: late((random) => ({ behindBytes: random.magnitude(1, 10_000), interleaved: true })),
  },
  {
    name: 'input late and twice',
    weight: 3,
    inject: late((random) => ({
      behindFrames: random.between(0, 5),
      doubled: true,
      interleaved: random.chance(0.5),
    })),
  },
  {
    name: 'confirmation without reconnected',
    weight: 3,
    inject: reading({ confirmation: 'without-reconnected' }),
  },
];
