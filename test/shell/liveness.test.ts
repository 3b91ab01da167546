import { describe, expect, it } from 'vitest';
import { Liveness } from '../../src/shell/liveness.ts';
import { defaultLimits } from '../../src/shell/limits.ts';
import { verifies } from '../requirements.ts';
import { ManualClock } from './manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const pings: (() => void)[] = [];
  let dead = false;
  const liveness = new Liveness({
    limits: defaultLimits,
    clock,
    ping: (flushed) => pings.push(flushed),
    onDead: () => {
      dead = true;
    },
  });
  return { clock, pings, liveness, isDead: () => dead };
}

describe('the watch over a connection', () => {
  it('pings every 30 s, also while much arrives', () => {
    const { clock, pings, liveness } = setUp();
    for (let second = 0; second < 90; second += 1) {
      clock.advance(1_000);
      liveness.heard();
    }
    expect(pings).toHaveLength(3);
  });

  it(
    verifies('shell.dead-peer', 'reports a dead connection once after 15 s of silence behind a ping'),
    () => {
      const { clock, pings, isDead } = setUp();
      clock.advance(30_000);
      pings[0]?.();
      clock.advance(14_999);
      expect(isDead()).toBe(false);
      clock.advance(1);
      expect(isDead()).toBe(true);
      expect(clock.timers).toBe(0);
    },
  );

  it('takes anything that arrives as a sign of life, since a pong may be behind output', () => {
    const { clock, liveness, isDead } = setUp();
    clock.advance(30_000);
    liveness.heard();
    clock.advance(20_000);
    expect(isDead()).toBe(false);
  });

  it("gives a ping behind the bridge's own data more time with each piece that leaves", () => {
    const { clock, pings, liveness, isDead } = setUp();
    clock.advance(30_000);
    for (let piece = 0; piece < 5; piece += 1) {
      clock.advance(14_000);
      liveness.flushed();
    }
    expect(isDead()).toBe(false);
    pings[0]?.();
    clock.advance(10_000);
    liveness.flushed();
    clock.advance(5_000);
    expect(isDead()).toBe(true);
  });

  it(verifies('shell.dead-peer', 'limits the time of a ping that never leaves'), () => {
    const { clock, isDead } = setUp();
    clock.advance(45_000);
    expect(isDead()).toBe(true);
  });

  it('while paused it pings, and expects nothing', () => {
    const { clock, pings, liveness, isDead } = setUp();
    clock.advance(30_000);
    liveness.pause();
    clock.advance(90_000);
    expect(pings).toHaveLength(4);
    expect(isDead()).toBe(false);
    liveness.resume();
    clock.advance(45_000);
    expect(isDead()).toBe(true);
  });

  it('has no timer once it is stopped, and nothing starts it again', () => {
    const { clock, liveness } = setUp();
    liveness.stop();
    liveness.heard();
    liveness.pause();
    liveness.resume();
    expect(clock.timers).toBe(0);
  });
});
