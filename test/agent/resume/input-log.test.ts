import { describe, expect, test } from 'vitest';
import { InputLog } from '../../../src/agent/resume/input-log.ts';
import { verifies } from '../../requirements.ts';
import { Lines } from '../lines.ts';

/** Takes up to so many pieces. Returns the bytes of the stream that they are. */
function take(log: InputLog, pieces = Number.POSITIVE_INFINITY): string {
  let text = '';
  for (let count = 0; count < pieces; count += 1) {
    const piece = log.take();
    if (piece === undefined) break;
    text += Buffer.from(piece.payload).toString('latin1') + (piece.kind === 'last' ? '\n' : '');
  }
  return text;
}

describe('an input log', () => {
  test('gives a line as pieces with their offsets', () => {
    const lines = new Lines();
    const log = new InputLog(lines, 4);
    lines.add('123456789');
    lines.add('1234');
    lines.add('');
    const pieces = Array.from({ length: 6 }, () => log.take());
    expect(
      pieces.map((piece) => piece && [piece.offset, Buffer.from(piece.payload).toString(), piece.kind]),
    ).toEqual([
      [0, '1234', 'more'],
      [4, '5678', 'more'],
      [8, '9', 'last'],
      [10, '1234', 'last'],
      [15, '', 'last'],
      undefined,
    ]);
  });

  test(verifies('host.damage', 'rejects a size that goes back, or is beyond what was sent'), () => {
    const lines = new Lines();
    const log = new InputLog(lines);
    lines.add('one');
    take(log);
    expect(log.acknowledge(5)).toBe(false);
    expect(log.acknowledge(4)).toBe(true);
    expect(log.acknowledge(3)).toBe(false);
    expect(log.acknowledge(4)).toBe(true);
    expect(log.acknowledgedBytes).toBe(4);
  });

  test('gives again what is not acknowledged, from any byte on', () => {
    const lines = new Lines();
    const log = new InputLog(lines, 4);
    for (const text of ['123456789', 'second', 'third']) lines.add(text);
    take(log);
    expect(log.acknowledge(6)).toBe(true);
    log.goBack();
    expect(take(log)).toBe('789\nsecond\nthird\n');
    expect(log.acknowledge(16)).toBe(true);
    log.goBack();
    expect(take(log)).toBe('\nthird\n');
  });

  test('pulls a line when all lines before it were sent, and not sooner', () => {
    const lines = new Lines();
    const log = new InputLog(lines, 4);
    for (const text of ['first', 'second', 'third']) lines.add(text);
    expect(lines.waiting()).toBe(3);
    const begun = take(log, 1);
    expect([begun, lines.waiting(), log.heldBytes]).toEqual(['firs', 2, 6]);
    expect([take(log, 1), lines.waiting()]).toEqual(['t\n', 2]);
    log.goBack();
    expect([take(log, 2), lines.waiting()]).toEqual(['first\n', 2]);
    expect(take(log)).toBe('second\nthird\n');
  });

  test('sends only the last checkpoint, before all lines that wait', () => {
    const lines = new Lines();
    const log = new InputLog(lines);
    lines.add('line');
    log.setCheckpoint({ delivered: 1, open: [] });
    log.setCheckpoint({ delivered: 9, open: [3] });
    expect(log.hasRecord).toBe(true);
    expect(take(log)).toBe('\u001eack 9:3;\nline\n');
    expect(log.arrivedCheckpoint).toBeUndefined();
    log.acknowledge(11);
    expect(log.arrivedCheckpoint).toEqual({ delivered: 9, open: [3] });
  });

  test(
    verifies(
      'host.half-line',
      'cuts a line that is half sent, and none that was sent whole or is for the host',
    ),
    () => {
      const lines = new Lines();
      const log = new InputLog(lines, 4);
      expect(log.cutLast()).toBe(false);
      for (const text of ['sent', 'half sent', 'waiting']) lines.add(text);
      const sent = take(log, 1);
      expect(log.cutLast()).toBe(false);
      const half = take(log, 1);
      log.setCheckpoint({ delivered: 1, open: [] });
      expect(log.cutLast()).toBe(true);
      expect(sent + half + take(log, 2)).toBe('sent\nhalf\u001e\n\u001eack');
      expect(log.cutLast()).toBe(false);
      expect(take(log)).toBe(' 1:;\nwaiting\n');
    },
  );

  test('does not cut a line before bytes that may have arrived before some got lost', () => {
    const lines = new Lines();
    const log = new InputLog(lines, 2);
    lines.add('half sent');
    take(log, 2);
    log.acknowledge(2);
    log.goBack();
    expect(log.cutLast()).toBe(true);
    expect(take(log)).toBe('lf\u001e\n');
  });

  test(
    verifies(
      'host.epoch',
      'sends to a new epoch the lines that wait, and none that were sent in part to the last',
    ),
    () => {
      const lines = new Lines();
      const log = new InputLog(lines);
      lines.add('bound');
      take(log);
      lines.add('waiting');
      log.setCheckpoint({ delivered: 5, open: [] });
      log.beginEpoch(40);
      expect(log.cutLast()).toBe(false);
      expect(log.acknowledgedBytes).toBe(40);
      expect(log.take()?.offset).toBe(40);
      expect(log.take()).toBeUndefined();
      expect(log.acknowledge(48)).toBe(true);
    },
  );

  test('sends only the last note of each kind, before all lines that wait', () => {
    const lines = new Lines();
    const log = new InputLog(lines);
    lines.add('line');
    log.setNote('agent', 'old');
    log.setNote('thread', 'é');
    log.setNote('agent', 'new');
    expect(take(log)).toBe('\u001enote agent bmV3;\n\u001enote thread w6k=;\nline\n');
    log.setNote('agent', 'late');
    log.beginEpoch(0);
    expect(log.hasNext).toBe(false);
  });

  test('counts the bytes that it holds, and knows whether some for the agent were not sent', () => {
    const lines = new Lines();
    const log = new InputLog(lines);
    log.setCheckpoint({ delivered: 1, open: [] });
    expect(take(log)).toBe('\u001eack 1:;\n');
    expect(log.hasUnsentAgentLines).toBe(false);
    log.acknowledge(9);
    lines.add('12345');
    lines.add('12');
    const counts = (): number[] => [log.heldBytes, log.unacknowledgedBytes];
    expect([counts(), log.hasUnsentAgentLines, log.hasNext]).toEqual([[0, 0], true, true]);
    take(log, 1);
    expect(counts()).toEqual([6, 6]);
    expect(log.acknowledge(10)).toBe(true);
    expect(counts()).toEqual([5, 5]);
    take(log);
    expect([counts(), log.hasUnsentAgentLines, log.hasNext]).toEqual([[8, 8], false, false]);
    log.goBack();
    expect(log.hasUnsentAgentLines).toBe(false);
    log.acknowledge(18);
    expect(log.hasUnsentAgentLines).toBe(false);
  });
});
