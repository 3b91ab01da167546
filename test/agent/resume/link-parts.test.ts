import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CheckpointSchedule } from '../../../src/agent/resume/checkpoint-schedule.ts';
import { Freeing } from '../../../src/agent/resume/freeing.ts';
import { QuietWatch } from '../../../src/agent/resume/quiet-watch.ts';
import { TurnRecord } from '../../../src/agent/resume/turn-record.ts';
import { Waiters } from '../../../src/agent/resume/waiters.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left).toBe(0);
});

describe('what the host may free', () => {
  const megabyte = 1024 * 1024;

  test('is asked for by the megabyte, each file separately', () => {
    const freeing = new Freeing();
    expect(freeing.ask(megabyte - 1, 0)).toEqual({ inFree: 0, outFree: 0 });
    expect(freeing.ask(megabyte, 5)).toEqual({ inFree: megabyte, outFree: 0 });
    freeing.done();
    expect(freeing.ask(2 * megabyte - 1, 3 * megabyte)).toEqual({ inFree: 0, outFree: 3 * megabyte });
    freeing.done();
    expect(freeing.ask(2 * megabyte, 3 * megabyte)).toEqual({ inFree: 2 * megabyte, outFree: 0 });
  });

  test('is asked for again if the host did not confirm it', () => {
    const freeing = new Freeing();
    freeing.ask(megabyte, megabyte);
    expect(freeing.ask(megabyte, megabyte)).toEqual({ inFree: megabyte, outFree: megabyte });
  });
});

describe('the record of an open turn', () => {
  function recorded() {
    const written: boolean[] = [];
    const onDue = vi.fn();
    const turn = new TurnRecord({ write: (isOpen) => written.push(isOpen), onDue });
    return { turn, written, onDue };
  }

  test('is written when it changes, and sent a second later if no other input took it along', () => {
    const { turn, written, onDue } = recorded();
    turn.set(true);
    turn.set(true);
    vi.advanceTimersByTime(999);
    expect([written, onDue.mock.calls.length]).toEqual([[true], 0]);
    vi.advanceTimersByTime(1);
    expect(onDue).toHaveBeenCalledTimes(1);
    turn.set(false);
    turn.set(true);
    vi.advanceTimersByTime(5000);
    expect([written, onDue.mock.calls.length]).toEqual([[true, false, true], 2]);
  });

  test('is written again for each agent, as soon as anything is known', () => {
    const { turn, written } = recorded();
    turn.beginEpoch();
    expect(written).toEqual([]);
    turn.set(false);
    turn.beginEpoch();
    expect(written).toEqual([false, false]);
    turn.stop();
  });
});

describe('checkpoints', () => {
  test('are sent at once, ten in a row, and then every 9 ms', () => {
    vi.advanceTimersByTime(1000);
    const onDue = vi.fn();
    const checkpoints = new CheckpointSchedule(onDue);
    for (let n = 0; n < 30; n += 1) checkpoints.add();
    expect(onDue).toHaveBeenCalledTimes(10);
    vi.advanceTimersByTime(9);
    expect(onDue).toHaveBeenCalledTimes(11);
    vi.advanceTimersByTime(100);
    expect(onDue).toHaveBeenCalledTimes(11);
  });

  test('are sent once if other input takes them along before their time', () => {
    const onDue = vi.fn();
    const checkpoints = new CheckpointSchedule(onDue);
    for (let n = 0; n < 12; n += 1) checkpoints.add();
    checkpoints.send();
    expect(onDue).toHaveBeenCalledTimes(11);
    vi.advanceTimersByTime(100);
    expect(onDue).toHaveBeenCalledTimes(11);
    for (let n = 0; n < 12; n += 1) checkpoints.add();
    checkpoints.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a promise of a condition', () => {
  test('resolves when the condition is true, and not before somebody looks', async () => {
    const waiters = new Waiters();
    let is = 0;
    const told: number[] = [];
    for (const wanted of [1, 2]) void waiters.until(() => is >= wanted).then(() => told.push(wanted));
    is = 1;
    await Promise.resolve();
    expect(told).toEqual([]);
    waiters.look();
    await Promise.resolve();
    expect([told, waiters.isEmpty]).toEqual([[1], false]);
    waiters.close();
    await Promise.resolve();
    expect([told, waiters.isEmpty]).toEqual([[1, 2], true]);
    await waiters.until(() => false);
  });
});

describe('the watch over quiet', () => {
  function start() {
    const now = { isOpen: true, isOfUse: true, isAwaited: false, received: 0 };
    const asked = vi.fn();
    const losses: string[] = [];
    const watch = new QuietWatch({
      isOpen: () => now.isOpen,
      isOfUse: () => now.isOfUse,
      isAwaited: () => now.isAwaited,
      ask: asked,
      onLoss: (why) => void losses.push(why),
      received: () => now.received,
    });
    watch.start();
    return { watch, now, asked, losses };
  }

  test('asks a second after the last activity, and each second while something is open', () => {
    const { watch, asked } = start();
    vi.advanceTimersByTime(900);
    watch.active();
    vi.advanceTimersByTime(990);
    expect(asked).not.toHaveBeenCalled();
    for (const times of [1, 2, 3]) {
      vi.advanceTimersByTime(1000);
      expect(asked).toHaveBeenCalledTimes(times);
      watch.answered(0);
    }
    watch.stop();
  });

  test('asks once if nothing is open, and again only after more activity', () => {
    const { watch, now, asked } = start();
    now.isOpen = false;
    vi.advanceTimersByTime(1000);
    watch.answered(0);
    vi.advanceTimersByTime(60_000);
    expect(asked).toHaveBeenCalledTimes(1);
    watch.active();
    vi.advanceTimersByTime(1000);
    expect(asked).toHaveBeenCalledTimes(2);
    watch.answered(0);
    vi.advanceTimersByTime(1000);
  });

  test('asks sooner if somebody waits, and not while an answer is of no use', () => {
    const { watch, now, asked } = start();
    now.isAwaited = true;
    watch.look();
    vi.advanceTimersByTime(400);
    expect(asked).toHaveBeenCalledTimes(1);
    now.isOfUse = false;
    vi.advanceTimersByTime(60_000);
    expect(asked).toHaveBeenCalledTimes(1);
    watch.stop();
  });

  test('gives up a host that does not answer twice', () => {
    const { watch, losses } = start();
    vi.advanceTimersByTime(2500);
    expect(losses).toEqual([]);
    vi.advanceTimersByTime(500);
    expect(losses).toEqual(['the host does not answer']);
    watch.stop();
  });

  test('reports output that the host has and that does not come, but not while some of it does', () => {
    const { watch, now, losses } = start();
    watch.answered(1000);
    for (const received of [100, 500, 900]) {
      now.received = received;
      vi.advanceTimersByTime(600);
    }
    expect(losses).toEqual([]);
    vi.advanceTimersByTime(600);
    expect(losses).toEqual(['output is missing']);
    watch.stop();
  });
});
