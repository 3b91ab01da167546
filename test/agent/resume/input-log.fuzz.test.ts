import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputLog } from '../../../src/agent/resume/input-log.ts';
import type { Piece } from '../../../src/agent/host/numbered-lines.ts';
import type { AgentInput } from '../../../src/agent/agent-link.ts';
import { verifies } from '../../requirements.ts';
import { Lines } from '../lines.ts';

const recordSeparator = 0x1e;

/** One thing that may happen between a bridge and a host. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ add: fc.uint8Array({ max: 127, min: 0x20, maxLength: 30 }) }) },
  // A piece goes, and may get lost.
  {
    weight: 8,
    arbitrary: fc.record({ take: fc.constantFrom('arrives', 'arrives', 'is lost', 'is doubled') }),
  },
  // The host is asked in passing.
  { weight: 2, arbitrary: fc.constant({ ask: true as const }) },
  { weight: 1, arbitrary: fc.constant({ cutLast: true as const }) },
  { weight: 1, arbitrary: fc.record({ delivered: fc.nat(1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ note: fc.constantFrom('agent', 'thread'), text: fc.string({ maxLength: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ newEpoch: fc.nat(100) }) },
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

/** The lines that were added, and which of them were pulled. */
class Source implements AgentInput {
  readonly texts: string[] = [];
  pulled = 0;

  waiting(): number {
    return this.texts.length - this.pulled;
  }

  next(): Uint8Array | undefined {
    const text = this.texts[this.pulled];
    if (text === undefined) return undefined;
    this.pulled += 1;
    return Buffer.from(text, 'latin1');
  }

  get last(): string | undefined {
    return this.texts[this.pulled - 1];
  }
}

describe('an input log under any schedule of sends, losses, sizes, cuts and epochs', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.half-line', 'host.epoch'],
      'sends each line to one epoch, once and in order, and counts the bytes that it holds',
    ),
    () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
          const source = new Source();
          const log = new InputLog(source, 5);
          let input = new Input(0);
          const cut = new Set<string>();
          const epochs = [{ input, from: 0 }];

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
              source.texts.push(`${source.texts.length}:${Buffer.from(each.add).toString('latin1')}`);
            } else if ('take' in each) take(each.take);
            else if ('ask' in each) confirm();
            else if ('cutLast' in each) {
              if (log.cutLast()) cut.add(source.last ?? '');
            } else if ('delivered' in each) log.setCheckpoint({ delivered: each.delivered, open: [] });
            else if ('note' in each) log.setNote(each.note, each.text);
            else {
              log.beginEpoch(each.newEpoch);
              // What was for the last host is not for this one.
              expect(log.hasRecord).toBe(false);
              expect(log.cutLast()).toBe(false);
              input = new Input(each.newEpoch);
              epochs.push({ input, from: source.pulled });
            }
            expect(log.sentBytes).toBeGreaterThanOrEqual(input.size);
            expect(log.heldBytes).toBeGreaterThanOrEqual(log.unacknowledgedBytes);
          }
          do confirm();
          while (take('arrives'));
          confirm();
          expect([log.heldBytes, log.hasNext, log.hasRecord]).toEqual([0, false, false]);

          expect(source.waiting()).toBe(0);
          for (const [index, { from, input: of }] of epochs.entries()) {
            // Each epoch gets what was pulled in it, in order and once; of one that is over, the end may be missing.
            const to = epochs[index + 1]?.from ?? source.texts.length;
            const pulled = source.texts.slice(from, to).filter((text) => !cut.has(text));
            const isOver = index < epochs.length - 1;
            expect(of.lines).toEqual(isOver ? pulled.slice(0, of.lines.length) : pulled);
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
          const lines = new Lines();
          const log = new InputLog(lines, 5);
          log.beginEpoch(from);
          for (const bytes of all) lines.add(bytes);
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
