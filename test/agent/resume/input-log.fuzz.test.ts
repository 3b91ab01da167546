import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputLog } from '../../../src/agent/resume/input-log.ts';
import type { Piece } from '../../../src/agent/host/numbered-lines.ts';
import { verifies } from '../../requirements.ts';

const recordSeparator = 0x1e;

/** One thing that may happen between a bridge and a host. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      add: fc.uint8Array({ max: 127, min: 0x20, maxLength: 30 }),
      isUrgent: fc.boolean(),
    }),
  },
  // A piece goes, and may get lost.
  {
    weight: 8,
    arbitrary: fc.record({ take: fc.constantFrom('arrives', 'arrives', 'is lost', 'is doubled') }),
  },
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

  constructor(from: number) {
    this.from = from;
  }

  get size(): number {
    return this.from + this.bytes.length;
  }

  /** As the host does: only what is next. */
  take({ offset, payload, kind }: Piece): void {
    if (offset !== this.size) return;
    this.bytes = Buffer.concat([this.bytes, payload, Buffer.from(kind === 'last' ? '\n' : '')]);
  }

  /** Whole lines that the agent gets to see. */
  get lines(): string[] {
    const all = this.bytes.toString('latin1').split('\n').slice(0, -1);
    return all.filter((line) => !line.includes(String.fromCharCode(recordSeparator)));
  }
}

/** What was added and is not withdrawn, by ticket. */
type Lines = Map<number, { readonly text: string; readonly isUrgent: boolean }>;

describe('an input log under any schedule of sends, losses, sizes, withdrawals and epochs', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.half-line', 'host.epoch'],
      'sends each line to one epoch, once and in order, and counts the bytes that it holds',
    ),
    () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
          const log = new InputLog(5);
          let input = new Input(0);
          const lost = new Set<number>();
          const lines: Lines = new Map();
          const epochs = [input];
          let number = 0;

          const confirm = (): void => {
            expect(log.acknowledge(input.size)).toBe(true);
            if (input.size < log.sentBytes) log.goBack();
            expect(log.acknowledgedBytes).toBe(input.size);
            expect(log.unacknowledgedBytes).toBe(0);
          };
          const take = (fate: 'arrives' | 'is lost' | 'is doubled'): boolean => {
            const hadNext = log.hasNext;
            const taken = log.take();
            expect(taken !== undefined).toBe(hadNext);
            if (taken === undefined) return false;
            expect(taken.payload.length).toBeLessThanOrEqual(5);
            if (fate !== 'is lost') input.take(taken);
            if (fate === 'is doubled') input.take(taken);
            return true;
          };

          for (const each of steps) {
            if ('add' in each) {
              number += 1;
              const text = `${number}:${Buffer.from(each.add).toString('latin1')}`;
              const ticket = log.add(Buffer.from(text, 'latin1'), each.isUrgent);
              expect(ticket).toBeGreaterThan(Math.max(0, ...lines.keys(), ...lost));
              lines.set(ticket, { text, isUrgent: each.isUrgent });
            } else if ('take' in each) take(each.take);
            else if ('ask' in each) confirm();
            else if ('withdraw' in each) {
              const ticket = [...lines.keys()].at(-1 - each.withdraw) ?? 0;
              if (log.withdraw(ticket)) lines.delete(ticket);
            } else if ('withdrawLast' in each) {
              const { lastBoundTicket } = log;
              if (log.withdraw(lastBoundTicket)) lines.delete(lastBoundTicket);
            } else if ('delivered' in each) log.setCheckpoint({ delivered: each.delivered, open: [] });
            else if ('note' in each) log.setNote(each.note, each.text);
            else if ('takeBack' in each) {
              const waiting = log.waitingLines;
              const taken = log.takeBack();
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
              expect(log.waitingLines).toBe(0);
            } else {
              // All of which a byte was sent is gone with the last epoch, and nothing else.
              const waiting = log.waitingLines;
              log.beginEpoch(each.newEpoch);
              expect(log.waitingLines).toBe(waiting);
              // What was for the last host is not for this one.
              expect(log.hasRecord).toBe(false);
              for (const [ticket, { isUrgent }] of lines) {
                if (!isUrgent && ticket <= log.lastBoundTicket) lost.add(ticket);
              }
              input = new Input(each.newEpoch);
              epochs.push(input);
            }
            expect(log.sentBytes).toBeGreaterThanOrEqual(input.size);
            expect(log.heldBytes).toBeGreaterThanOrEqual(log.unacknowledgedBytes);
          }
          do confirm();
          while (take('arrives'));
          confirm();
          expect([log.heldBytes, log.hasNext, log.hasRecord]).toEqual([0, false, false]);

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

  test(verifies('host.damage', 'rejects impossible sizes, and goes on after them'), () => {
    const words = fc.uint8Array({ max: 127, min: 0x20, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 8 }),
        fc.nat(20),
        fc.nat(100),
        fc.array(fc.oneof(fc.nat(200), fc.constant(1e15 - 1)), { maxLength: 6 }),
        (all, pieces, from, lies) => {
          const log = new InputLog(5);
          log.beginEpoch(from);
          for (const bytes of all) log.add(bytes, false);
          for (let count = 0; count < pieces; count += 1) log.take();
          const sent = log.sentBytes;
          let acknowledged = from;
          for (const size of lies) {
            const isPossible = size >= acknowledged && size <= sent;
            expect(log.acknowledge(size)).toBe(isPossible);
            if (isPossible) acknowledged = size;
            expect(log.acknowledgedBytes).toBe(acknowledged);
          }
          const stream = Buffer.concat(all.flatMap((bytes) => [bytes, Buffer.from('\n')]));
          log.goBack();
          const again: Uint8Array[] = [];
          for (let piece = log.take(); piece !== undefined; piece = log.take()) {
            again.push(piece.payload, Buffer.from(piece.kind === 'last' ? '\n' : ''));
          }
          expect(Buffer.concat(again)).toEqual(stream.subarray(acknowledged - from));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
