import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outbox } from '../../../src/agent/resume/input-log.ts';
import { verifies } from '../../requirements.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const sha1 = (all: Uint8Array): string => createHash('sha1').update(all).digest('hex');

/** The far side: a file that bytes are appended to, and what the agent gets to see of it. */
class Host {
  readonly outbox = new Outbox();
  arrived = Buffer.alloc(0);
  #confirmed = 0;

  /** Takes so many bytes at the most, of which all arrive. */
  take(limit: number): boolean {
    const taken = this.outbox.take(limit);
    this.arrived = Buffer.concat([this.arrived, taken ?? Buffer.alloc(0)]);
    return taken !== undefined;
  }

  takeAll(): void {
    while (this.take(7)) expect(this.outbox.heldBytes).toBeGreaterThan(0);
  }

  /** The connection breaks, and takes so many of the last bytes along that are not confirmed. */
  lose(count: number): void {
    this.arrived = this.arrived.subarray(0, Math.max(this.arrived.length - count, this.#confirmed));
  }

  confirm(): 'intact' | 'damaged' {
    const fresh = this.arrived.subarray(this.#confirmed);
    this.#confirmed = this.arrived.length;
    return this.outbox.confirm(this.arrived.length, fresh.length > 0 ? sha1(fresh) : undefined);
  }

  /** Whole lines, less those that hold RS. */
  get lines(): string[] {
    const all = this.arrived.toString().split('\n').slice(0, -1);
    return all.filter((line) => !line.includes('\u001e'));
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.nat(40), isUrgent: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ lose: fc.nat(80) }) },
  { weight: 1, arbitrary: fc.record({ withdraw: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ delivered: fc.nat(1000) }) },
);

describe('an outbox', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.half-line'],
      'delivers each line once and in order, whatever is lost, and none whole that it took back',
    ),
    () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
          const host = new Host();
          const expected = new Map<number, { text: string; isUrgent: boolean }>();
          const withdrawn: string[] = [];
          for (const each of steps) {
            if ('add' in each) {
              const text = `${expected.size + withdrawn.length}:${'x'.repeat(each.add)}`;
              const ticket = host.outbox.add(bytes(text), each.isUrgent);
              expected.set(ticket, { text, isUrgent: each.isUrgent });
            } else if ('take' in each) host.take(each.take);
            else if ('lose' in each) {
              host.lose(each.lose);
              expect(host.confirm()).toBe('intact');
            } else if ('withdraw' in each) {
              const ticket = [...expected.keys()].at(-1 - each.withdraw) ?? 0;
              if (!host.outbox.withdraw(ticket)) continue;
              withdrawn.push(expected.get(ticket)?.text ?? '');
              expected.delete(ticket);
            } else host.outbox.setCheckpoint({ delivered: each.delivered, open: [] });
          }
          host.takeAll();
          expect(host.confirm()).toBe('intact');
          const lines = host.lines;
          const texts = [...expected.values()];
          expect([...lines].sort()).toEqual(texts.map(({ text }) => text).sort());
          for (const isUrgent of [true, false]) {
            const some = texts.filter((line) => line.isUrgent === isUrgent).map(({ text }) => text);
            expect(lines.filter((line) => some.includes(line))).toEqual(some);
          }
          expect(lines.filter((line) => withdrawn.includes(line))).toEqual([]);
          expect(host.outbox.heldBytes).toBe(0);
          expect(host.outbox.hasNext).toBe(false);
        }),
        { numRuns: 1000 },
      );
    },
  );

  test(verifies('host.damage', 'finds out when any bytes on the way were dropped or changed'), () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'b') }), { minLength: 1 });
    fc.assert(
      fc.property(lines, fc.nat(), fc.nat(20), fc.boolean(), (texts, where, count, isDropped) => {
        const host = new Host();
        for (const text of texts) host.outbox.add(bytes(text), false);
        host.takeAll();
        const sent = host.arrived;
        const at = where % sent.length;
        const gap = isDropped ? Buffer.alloc(0) : Buffer.alloc(Math.min(count, sent.length - at), 'c');
        host.arrived = Buffer.concat([sent.subarray(0, at), gap, sent.subarray(at + count)]);
        const isPrefix = sent.subarray(0, host.arrived.length).equals(host.arrived);
        expect(host.confirm()).toBe(isPrefix ? 'intact' : 'damaged');
      }),
    );
  });

  test(verifies('host.damage', 'takes a size that goes back, or beyond what was sent, for damage'), () => {
    const { outbox } = new Host();
    outbox.add(bytes('one'), false);
    outbox.take(100);
    expect(outbox.confirm(5, sha1(bytes('one\n?')))).toBe('damaged');
    expect(outbox.confirm(4, sha1(bytes('one\n')))).toBe('intact');
    expect(outbox.confirm(3, undefined)).toBe('damaged');
    expect(outbox.confirm(4, undefined)).toBe('intact');
  });

  test('sends urgent lines before all of which no byte was sent, and behind what is half sent', () => {
    const host = new Host();
    host.outbox.add(bytes('first'), false);
    host.outbox.add(bytes('second'), false);
    host.take(2);
    host.outbox.add(bytes('cancel'), true);
    host.takeAll();
    expect(host.lines).toEqual(['first', 'cancel', 'second']);
  });

  test('sends the last checkpoint only, before all that waits', () => {
    const host = new Host();
    host.outbox.add(bytes('line'), true);
    host.outbox.setCheckpoint({ delivered: 1, open: [] });
    host.outbox.setCheckpoint({ delivered: 9, open: [3] });
    expect(host.outbox.hasRecord).toBe(true);
    host.takeAll();
    expect(host.arrived.toString()).toBe('\u001eack 9:3;\nline\n');
  });

  test('takes back a line that waits, cuts one that is half sent, and keeps one that is sent', () => {
    const host = new Host();
    const [sent, half, waiting] = ['sent', 'half', 'waiting'].map((text) =>
      host.outbox.add(bytes(text), false),
    );
    host.take(100);
    host.take(2);
    expect(host.outbox.withdraw(sent ?? 0)).toBe(false);
    expect(host.outbox.withdraw(half ?? 0)).toBe(true);
    expect(host.outbox.withdraw(waiting ?? 0)).toBe(true);
    expect(host.outbox.withdraw(99)).toBe(false);
    host.takeAll();
    expect(host.arrived.toString()).toBe('sent\nha\u001e\n');
  });

  test('cuts a line no shorter than what may have arrived of it before the connection broke', () => {
    const host = new Host();
    const ticket = host.outbox.add(bytes('half'), false);
    host.take(3);
    host.lose(2);
    host.confirm();
    expect(host.outbox.withdraw(ticket)).toBe(true);
    host.takeAll();
    expect(host.arrived.toString()).toBe('hal\u001e\n');
  });

  test(
    verifies('host.epoch', 'sends to a new epoch what waits, and nothing that was bound to the last'),
    () => {
      const { outbox } = new Host();
      const ticket = outbox.add(bytes('bound'), false);
      outbox.add(bytes('urgent'), true);
      outbox.take(3);
      outbox.take(100);
      outbox.take(2);
      outbox.add(bytes('waiting'), false);
      outbox.setCheckpoint({ delivered: 5, open: [] });
      outbox.beginEpoch(40);
      expect(outbox.lastBoundTicket).toBe(ticket);
      expect(outbox.acknowledgedBytes).toBe(40);
      expect(Buffer.from(outbox.take(100) ?? []).toString()).toBe('waiting\n');
      expect(outbox.take(100)).toBeUndefined();
      expect(outbox.confirm(48, sha1(bytes('waiting\n')))).toBe('intact');
    },
  );

  test('gives back what waits, in the order in which it would have gone, and nothing that is half sent', () => {
    const { outbox } = new Host();
    outbox.add(bytes('half'), false);
    outbox.take(2);
    const first = outbox.add(bytes('first'), false);
    const cancel = outbox.add(bytes('cancel'), true);
    outbox.setCheckpoint({ delivered: 1, open: [] });
    expect(outbox.takeBack()).toEqual([
      { ticket: cancel, line: bytes('cancel'), urgent: true },
      { ticket: first, line: bytes('first'), urgent: false },
    ]);
    expect(outbox.takeBack()).toEqual([]);
    expect([outbox.heldBytes, outbox.waitingLines]).toEqual([5, 0]);
    expect(outbox.withdraw(first)).toBe(false);
    expect(Buffer.from(outbox.take(100) ?? []).toString()).toBe('lf\n');
  });

  test('sends the last note of each kind only, before all that waits', () => {
    const host = new Host();
    host.outbox.add(bytes('line'), true);
    host.outbox.setNote('agent', 'old');
    host.outbox.setNote('thread', 'é');
    host.outbox.setNote('agent', 'new');
    host.takeAll();
    expect(host.arrived.toString()).toBe('\u001enote agent bmV3;\n\u001enote thread w6k=;\nline\n');
    host.outbox.setNote('agent', 'late');
    host.outbox.beginEpoch(0);
    expect(host.outbox.hasNext).toBe(false);
  });

  test('counts what it holds', () => {
    const { outbox } = new Host();
    outbox.add(bytes('12345'), false);
    outbox.add(bytes('12'), true);
    expect([outbox.heldBytes, outbox.unacknowledgedBytes, outbox.waitingLines]).toEqual([9, 0, 2]);
    outbox.take(1);
    expect([outbox.heldBytes, outbox.unacknowledgedBytes, outbox.waitingLines]).toEqual([9, 1, 1]);
    expect(outbox.confirm(1, sha1(bytes('1')))).toBe('intact');
    expect([outbox.heldBytes, outbox.unacknowledgedBytes, outbox.waitingLines]).toEqual([8, 0, 1]);
  });
});
