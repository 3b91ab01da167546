import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outbox } from '../../../src/agent/resume/input-log.ts';
import { verifies } from '../../requirements.ts';

const recordSeparator = 0x1e;
const sha1 = (all: Uint8Array): string => createHash('sha1').update(all).digest('hex');

/** One thing that may happen between a bridge and a host. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      add: fc.uint8Array({ max: 127, min: 0x20, maxLength: 30 }),
      isUrgent: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 50 }) }) },
  // The connection breaks, with some of the last bytes on it; the host tells the size of what it has.
  { weight: 2, arbitrary: fc.record({ lose: fc.nat(60) }) },
  // The host is asked in passing.
  { weight: 2, arbitrary: fc.constant({ ask: true as const }) },
  { weight: 1, arbitrary: fc.record({ withdraw: fc.nat(10) }) },
  // What is half sent, as a rule.
  { weight: 1, arbitrary: fc.constant({ withdrawLast: true as const }) },
  { weight: 1, arbitrary: fc.record({ delivered: fc.nat(1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ note: fc.constantFrom('agent', 'thread'), text: fc.string({ maxLength: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ newEpoch: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.constant({ takeBack: true as const }) },
);

/** The file that the host of one epoch appends to. */
class Input {
  /** What a half-written line of the last bridge's left there. */
  readonly from: number;
  bytes = Buffer.alloc(0);
  confirmed = 0;

  constructor(from: number) {
    this.from = from;
  }

  append(bytes: Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }

  lose(count: number): void {
    this.bytes = this.bytes.subarray(0, Math.max(this.bytes.length - count, this.confirmed));
  }

  /** Whole lines that the agent gets to see. */
  get lines(): string[] {
    const all = this.bytes.toString('latin1').split('\n').slice(0, -1);
    return all.filter((line) => !line.includes(String.fromCharCode(recordSeparator)));
  }
}

/** What was added and is not withdrawn, by ticket. */
type Lines = Map<number, { readonly text: string; readonly isUrgent: boolean }>;

describe('an outbox under any schedule of sends, losses, sizes, withdrawals and epochs', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.half-line', 'host.epoch'],
      'gives each line to one epoch, once and in order, and keeps count of what it holds',
    ),
    () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
          const outbox = new Outbox();
          let input = new Input(0);
          const lost = new Set<number>();
          const lines: Lines = new Map();
          const epochs = [input];
          let number = 0;

          const confirm = (): void => {
            const fresh = input.bytes.subarray(input.confirmed);
            input.confirmed = input.bytes.length;
            const size = input.from + input.bytes.length;
            expect(outbox.confirm(size, fresh.length > 0 ? sha1(fresh) : undefined)).toBe('intact');
            expect(outbox.acknowledgedBytes).toBe(size);
            expect(outbox.unacknowledgedBytes).toBe(0);
          };
          const take = (limit: number): boolean => {
            const hadNext = outbox.hasNext;
            const taken = outbox.take(limit);
            expect(taken !== undefined).toBe(hadNext);
            if (taken === undefined) return false;
            expect(taken.length).toBeGreaterThan(0);
            expect(taken.length).toBeLessThanOrEqual(limit);
            input.append(taken);
            return true;
          };

          for (const each of steps) {
            if ('add' in each) {
              number += 1;
              const text = `${number}:${Buffer.from(each.add).toString('latin1')}`;
              const ticket = outbox.add(Buffer.from(text, 'latin1'), each.isUrgent);
              expect(ticket).toBeGreaterThan(Math.max(0, ...lines.keys(), ...lost));
              lines.set(ticket, { text, isUrgent: each.isUrgent });
            } else if ('take' in each) take(each.take);
            else if ('lose' in each) {
              input.lose(each.lose);
              confirm();
            } else if ('ask' in each) confirm();
            else if ('withdraw' in each) {
              const ticket = [...lines.keys()].at(-1 - each.withdraw) ?? 0;
              if (outbox.withdraw(ticket)) lines.delete(ticket);
            } else if ('withdrawLast' in each) {
              const { lastBoundTicket } = outbox;
              if (outbox.withdraw(lastBoundTicket)) lines.delete(lastBoundTicket);
            } else if ('delivered' in each) outbox.setCheckpoint({ delivered: each.delivered, open: [] });
            else if ('note' in each) outbox.setNote(each.note, each.text);
            else if ('takeBack' in each) {
              const waiting = outbox.waitingLines;
              const taken = outbox.takeBack();
              expect(taken).toHaveLength(waiting);
              // In the order in which they would have gone: urgent ones first, each kind as it was added.
              const keys = taken.map(({ ticket, urgent }) => [urgent ? 0 : 1, ticket] as const);
              expect(keys).toEqual(keys.toSorted(([a, i], [b, j]) => a - b || i - j));
              for (const { ticket, line, urgent } of taken) {
                expect(lines.get(ticket)).toEqual({
                  text: Buffer.from(line).toString('latin1'),
                  isUrgent: urgent,
                });
                lines.delete(ticket);
              }
              expect(outbox.waitingLines).toBe(0);
            } else {
              // All of which a byte was sent is gone with the last epoch, and nothing else.
              const waiting = outbox.waitingLines;
              outbox.beginEpoch(each.newEpoch);
              expect(outbox.waitingLines).toBe(waiting);
              // What was for the last host is not for this one.
              expect(outbox.hasRecord).toBe(false);
              for (const [ticket, { isUrgent }] of lines) {
                if (!isUrgent && ticket <= outbox.lastBoundTicket) lost.add(ticket);
              }
              input = new Input(each.newEpoch);
              epochs.push(input);
            }
            expect(outbox.unacknowledgedBytes).toBe(
              input.from + input.bytes.length - outbox.acknowledgedBytes,
            );
            expect(outbox.heldBytes).toBeGreaterThanOrEqual(outbox.unacknowledgedBytes);
          }
          while (take(7));
          confirm();
          expect([outbox.heldBytes, outbox.hasNext, outbox.hasRecord]).toEqual([0, false, false]);

          const arrived = epochs.flatMap((each) => each.lines);
          expect(new Set(arrived).size).toBe(arrived.length);
          const texts = [...lines.values()];
          const known = new Set(texts.map(({ text }) => text));
          // What was withdrawn or taken back never arrived whole.
          expect(arrived.filter((line) => !known.has(line))).toEqual([]);
          // What is missing was bound to an epoch that is over; an urgent line has no ticket to tell it by.
          const missing = [...lines].filter(([, { text }]) => !arrived.includes(text));
          for (const [ticket, { isUrgent }] of missing) expect(isUrgent || lost.has(ticket)).toBe(true);
          if (epochs.length === 1) expect(missing).toEqual([]);
          for (const urgency of [true, false]) {
            const order = texts.filter(
              ({ isUrgent, text }) => isUrgent === urgency && arrived.includes(text),
            );
            expect(arrived.filter((line) => order.some(({ text }) => text === line))).toEqual(
              order.map(({ text }) => text),
            );
          }
        }),
        { numRuns: 1000 },
      );
    },
  );

  test(
    verifies('host.damage', 'takes no lie about a size or a checksum for the truth, and goes on after it'),
    () => {
      const lie = fc.record({ size: fc.oneof(fc.nat(200), fc.constantFrom(1e15 - 1)), checksum: fc.nat(3) });
      const words = fc.uint8Array({ max: 127, min: 0x20, maxLength: 20 });
      fc.assert(
        fc.property(
          fc.array(words, { minLength: 1, maxLength: 8 }),
          fc.nat(120),
          fc.nat(100),
          fc.array(lie, { maxLength: 6 }),
          (all, limit, from, lies) => {
            const outbox = new Outbox();
            outbox.beginEpoch(from);
            for (const bytes of all) outbox.add(bytes, false);
            const stream = Buffer.concat(all.flatMap((bytes) => [bytes, Buffer.from('\n')]));
            let sent = 0;
            while (sent < limit) {
              const taken = outbox.take(limit - sent);
              if (taken === undefined) break;
              sent += taken.length;
            }
            let acknowledged = 0;
            for (const { size, checksum } of lies) {
              const inSize = size - from;
              const fresh = stream.subarray(acknowledged, Math.max(acknowledged, inSize));
              const sums = [sha1(fresh), sha1(Buffer.from('?')), undefined, ''];
              const isTrue =
                inSize >= acknowledged &&
                inSize <= sent &&
                (inSize === acknowledged || sums[checksum] === sha1(fresh));
              expect(outbox.confirm(size, sums[checksum])).toBe(isTrue ? 'intact' : 'damaged');
              if (isTrue) {
                acknowledged = inSize;
                // From there it is sent again, as it was.
                const again = outbox.take(stream.length);
                const whole = stream.subarray(acknowledged);
                if (again !== undefined) expect(whole.subarray(0, again.length).equals(again)).toBe(true);
                sent = Math.max(sent, acknowledged + (again?.length ?? 0));
              }
              expect(outbox.acknowledgedBytes).toBe(from + acknowledged);
            }
          },
        ),
        { numRuns: 1000 },
      );
    },
  );
});
