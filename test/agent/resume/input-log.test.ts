import { describe, expect, test } from 'vitest';
import { InputLog } from '../../../src/agent/resume/input-log.ts';
import { verifies } from '../../requirements.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

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
    const log = new InputLog(4);
    log.add(bytes('123456789'), false);
    log.add(bytes('1234'), false);
    log.add(bytes(''), false);
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
    const log = new InputLog();
    log.add(bytes('one'), false);
    take(log);
    expect(log.acknowledge(5)).toBe(false);
    expect(log.acknowledge(4)).toBe(true);
    expect(log.acknowledge(3)).toBe(false);
    expect(log.acknowledge(4)).toBe(true);
    expect(log.acknowledgedBytes).toBe(4);
  });

  test('gives again what is not acknowledged, from any byte on', () => {
    const log = new InputLog(4);
    for (const text of ['123456789', 'second', 'third']) log.add(bytes(text), false);
    take(log);
    expect(log.acknowledge(6)).toBe(true);
    log.goBack();
    expect(take(log)).toBe('789\nsecond\nthird\n');
    expect(log.acknowledge(16)).toBe(true);
    log.goBack();
    expect(take(log)).toBe('\nthird\n');
  });

  test('sends urgent lines before all lines of which no byte was sent, and behind one that is half sent', () => {
    const log = new InputLog(2);
    log.add(bytes('first'), false);
    log.add(bytes('second'), false);
    const begun = take(log, 1);
    log.add(bytes('cancel'), true);
    expect(begun + take(log)).toBe('first\ncancel\nsecond\n');
  });

  test('sends only the last checkpoint, before all lines that wait', () => {
    const log = new InputLog();
    log.add(bytes('line'), true);
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
      'withdraws a line that waits, cuts one that is half sent, and keeps one that is sent',
    ),
    () => {
      const log = new InputLog(4);
      const [sent = 0, half = 0, waiting = 0] = ['sent', 'half sent', 'waiting'].map((text) =>
        log.add(bytes(text), false),
      );
      const before = take(log, 2);
      expect(log.withdraw(sent)).toBe(false);
      expect(log.withdraw(half)).toBe(true);
      expect(log.withdraw(waiting)).toBe(true);
      expect(log.withdraw(99)).toBe(false);
      expect(before + take(log)).toBe('sent\nhalf\u001e\n');
    },
  );

  test('does not cut a line before bytes that may have arrived before some got lost', () => {
    const log = new InputLog(2);
    const ticket = log.add(bytes('half sent'), false);
    take(log, 2);
    log.acknowledge(2);
    log.goBack();
    expect(log.withdraw(ticket)).toBe(true);
    expect(take(log)).toBe('lf\u001e\n');
  });

  test(
    verifies(
      'host.epoch',
      'sends to a new epoch the lines that wait, and none that were sent in part to the last',
    ),
    () => {
      const log = new InputLog();
      const ticket = log.add(bytes('bound'), false);
      take(log);
      log.add(bytes('urgent'), true);
      take(log);
      log.add(bytes('waiting'), false);
      log.setCheckpoint({ delivered: 5, open: [] });
      log.beginEpoch(40);
      expect(log.lastBoundTicket).toBe(ticket);
      expect(log.acknowledgedBytes).toBe(40);
      expect(log.take()?.offset).toBe(40);
      expect(log.take()).toBeUndefined();
      expect(log.acknowledge(48)).toBe(true);
    },
  );

  test('gives back the lines that wait, in the order in which they would be sent, and none that is half sent', () => {
    const log = new InputLog(2);
    log.add(bytes('half'), false);
    take(log, 1);
    const first = log.add(bytes('first'), false);
    const cancel = log.add(bytes('cancel'), true);
    log.setCheckpoint({ delivered: 1, open: [] });
    expect(log.takeBack()).toEqual([
      { ticket: cancel, line: bytes('cancel'), urgent: true },
      { ticket: first, line: bytes('first'), urgent: false },
    ]);
    expect(log.takeBack()).toEqual([]);
    expect([log.heldBytes, log.waitingLines]).toEqual([5, 0]);
    expect(log.withdraw(first)).toBe(false);
    expect(take(log, 1)).toBe('lf\n');
  });

  test('sends only the last note of each kind, before all lines that wait', () => {
    const log = new InputLog();
    log.add(bytes('line'), true);
    log.setNote('agent', 'old');
    log.setNote('thread', 'é');
    log.setNote('agent', 'new');
    expect(take(log)).toBe('\u001enote agent bmV3;\n\u001enote thread w6k=;\nline\n');
    log.setNote('agent', 'late');
    log.beginEpoch(0);
    expect(log.hasNext).toBe(false);
  });

  test('counts the bytes that it holds, and knows whether some for the agent were not sent', () => {
    const log = new InputLog();
    log.setCheckpoint({ delivered: 1, open: [] });
    expect(take(log)).toBe('\u001eack 1:;\n');
    expect(log.hasUnsentAgentLines).toBe(false);
    log.acknowledge(9);
    log.add(bytes('12345'), false);
    log.add(bytes('12'), true);
    expect([log.heldBytes, log.unacknowledgedBytes, log.waitingLines]).toEqual([9, 0, 2]);
    expect(log.hasUnsentAgentLines).toBe(true);
    take(log, 1);
    expect([log.heldBytes, log.unacknowledgedBytes, log.waitingLines]).toEqual([9, 3, 1]);
    expect(log.acknowledge(10)).toBe(true);
    expect([log.heldBytes, log.unacknowledgedBytes, log.waitingLines]).toEqual([8, 2, 1]);
    expect(log.hasUnsentAgentLines).toBe(true);
    take(log);
    expect(log.hasUnsentAgentLines).toBe(false);
    log.goBack();
    expect(log.hasUnsentAgentLines).toBe(false);
    log.acknowledge(18);
    expect(log.hasUnsentAgentLines).toBe(false);
  });
});
