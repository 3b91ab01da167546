import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { collectGarbage } from '../../collect-garbage.ts';
import { verifies } from '../../requirements.ts';
import type { Piece } from '../../../src/agent/host/numbered-lines.ts';
import { Lines } from '../lines.ts';
import { type Answer, linkTo, numbered, recordOf, ScriptedShell } from '../scripted-shell.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A link to a host that says what it likes, and all that the link told of it. */
function start(answer: Answer, maxLineBytes = 200) {
  const heard = {
    lines: [] as { epoch: string; start: number; end: number; text: string }[],
    exits: 0,
    failed: 0,
  };
  const order: string[] = [];
  let epoch = '';
  const shell = new ScriptedShell(answer);
  const lines = new Lines();
  const link = linkTo(shell, {
    maxLineBytes,
    input: lines,
    events: {
      onEpoch: (event) => {
        ({ epoch } = event);
        order.push('epoch');
      },
      onLine: (line, start, end) => {
        order.push('line');
        heard.lines.push({ epoch, start, end, text: Buffer.from(line).toString('latin1') });
      },
      onOversizedLine: () => order.push('oversized'),
      onExit: () => {
        heard.exits += 1;
        order.push('exit');
      },
      onFailed: () => {
        heard.failed += 1;
        order.push('failed');
      },
    },
  });
  const end = async (): Promise<void> => {
    const closed = link.close(0);
    await vi.advanceTimersByTimeAsync(1000);
    await closed;
  };
  return { link, lines, shell, heard, order, end };
}

const e1 = 'e1e1e1e1';
const e2 = 'e2e2e2e2';
const checkpoint = fc.oneof(
  fc.constantFrom('-', ':', '5:1,3', '0:', '300:', `${'9'.repeat(20)}:`),
  fc.tuple(fc.nat(300), fc.array(fc.nat(300))).map(([delivered, open]) => `${delivered}:${open.join(',')}`),
);
const lie = fc.constantFrom(
  'e3e3e3e3',
  '../e',
  '-',
  '',
  'x',
  '-1',
  '999999999999999',
  '9'.repeat(400),
  '/a b',
);
/** What a host may say at an attach: sound for all one can see, with a lie in it, or nothing of the kind. */
const answer = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        fc.constantFrom(e1, e1, e1, e2),
        fc.constantFrom('live', 'live', 'dead'),
        fc.oneof(fc.constant('0'), fc.nat(300).map(String)),
        fc.oneof(fc.constant('0'), fc.nat(300).map(String)),
        checkpoint,
        fc.constantFrom('perl', 'awk'),
        fc.constant('/root'),
        fc.option(fc.tuple(fc.nat(6), lie)),
      )
      .map(([...words]) => {
        const lied = words.pop() as [number, string] | null;
        const said = lied === null ? words : words.with(...lied);
        return [`begin ${said.join(' ')}`];
      }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(['need'], ['taken'], ['keeping kept'], ['note thread !!'], ['starting'], []),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }).map((text) => [text]) },
);
/** What comes out of the PTY besides. */
const output = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .constantFrom(
      '{"id":1}\n',
      '\n',
      '\r\n',
      numbered(e1, 0, 'exit 7 -', 'host').toString(),
      '\u001e=x-1.1 5 5 10\u001f',
      recordOf('x-1.1', 0, 'fail tool x'),
    )
    .map((text) => Uint8Array.from(Buffer.from(text))),
);
/** Lines of an epoch's output, at the place where they are due, or beside it. */
const lines = fc.record({
  epoch: fc.constantFrom(e1, e1, e1, e2),
  beside: fc.constantFrom(0, 0, 0, 0, -1, 7),
  lines: fc.array(fc.constantFrom('{"id":1}', 'noise\r', '', 'x'.repeat(300)), { maxLength: 4 }),
  kind: fc.constantFrom<Piece['kind']>('last', 'last', 'last', 'more', 'host'),
});
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ output }) },
  { weight: 8, arbitrary: lines },
  { weight: 2, arbitrary: fc.record({ send: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ passMs: fc.nat(30_000) }) },
  { weight: 1, arbitrary: fc.record({ delivered: fc.nat(300) }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<{ act: 'restart' | 'letGo' | 'atRest' }>(
      { act: 'restart' },
      { act: 'letGo' },
      { act: 'atRest' },
    ),
  },
);

const attached: Answer = () => [`begin ${e1} live 0 0 - perl /root`];

describe('a hostile host', () => {
  test(
    verifies(
      'host.damage',
      'that lies about sizes, offsets and epochs causes no exception, and no line out of place',
    ),
    async () => {
      let heardLines = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.infiniteStream(answer),
          fc.boolean(),
          fc.array(step, { maxLength: 25, size: 'max' }),
          async (answers, isHonest, steps) => {
            const { link, lines, shell, heard, order, end } = start((attach, attaches) =>
              // An honest beginning, so that there is something to lie about.
              attaches === 1 && isHonest ? attached(attach, attaches) : (answers.next().value ?? []),
            );
            link.attach();
            await vi.advanceTimersByTimeAsync(0);
            for (const each of steps) {
              if ('output' in each) shell.say(each.output);
              else if ('lines' in each) {
                let offset = Math.max((heard.lines.at(-1)?.end ?? 0) + each.beside, 0);
                for (const line of each.lines) {
                  const piece = numbered(each.epoch, offset, line, each.kind);
                  offset += piece.length;
                  shell.say(piece);
                }
              } else if ('send' in each) {
                lines.add(Buffer.alloc(each.send, 'x'));
                link.ready();
              } else if ('passMs' in each) await vi.advanceTimersByTimeAsync(each.passMs);
              else if ('delivered' in each) link.acknowledge(each.delivered, []);
              else if (each.act === 'restart') link.restart(new Error('test') as never);
              else if (each.act === 'letGo') link.letGo();
              else link.atRest(true);
              expect(link.pendingBytes).toBeGreaterThanOrEqual(0);
            }
            await end();
            for (const [index, line] of heard.lines.entries()) {
              const last = heard.lines[index - 1];
              expect(Number.isSafeInteger(line.start) && line.end > line.start).toBe(true);
              // Host and bridge keep their words to themselves.
              expect(line.text).not.toContain('\u001e');
              expect(line.text).not.toContain('\n');
              if (last?.epoch === line.epoch && order.lastIndexOf('epoch') === 0)
                expect(line.start).toBeGreaterThanOrEqual(last.end);
            }
            expect(heard.failed).toBeLessThanOrEqual(1);
            if (heard.failed > 0) expect(order.at(-1)).toBe('failed');
            heardLines += heard.lines.length;
          },
        ),
        { numRuns: 300 },
      );
      expect(heardLines).toBeGreaterThan(50);
    },
  );
});

describe('an agent that imitates the host', () => {
  test(
    verifies('host.epoch', 'is ignored by bridge and client, except for the exit of its own epoch'),
    async () => {
      const { link, shell, heard, end } = start(attached);
      link.attach();
      await vi.advanceTimersByTimeAsync(0);
      const words = [
        recordOf('x-1.1', 0, 'fail tool stty'),
        '\u001eacb x-1 end\n',
        '\u001e=x-1.1 99 99 198\u001f',
        numbered(e2, 0, 'exit 0 -', 'host').toString(),
        '\n',
      ];
      let offset = 0;
      for (const word of words) {
        const piece = numbered(e1, offset, '{"a":1}');
        offset += piece.length;
        shell.say(piece);
        shell.say(word);
      }
      expect(heard.lines.map(({ text }) => text)).toEqual(words.map(() => '{"a":1}'));
      expect([heard.exits, heard.failed]).toEqual([0, 0]);
      shell.say(numbered(e1, offset, 'exit 0 -', 'host'));
      expect(heard.exits).toBe(1);
      await end();
    },
  );

  test('and never ends its line costs no more memory than the limit on a line', async () => {
    const maxLineBytes = 1024 * 1024;
    const { link, shell, heard, order, end } = start(attached, maxLineBytes);
    link.attach();
    await vi.advanceTimersByTimeAsync(0);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let offset = 0;
    const say = (line: string, kind: Piece['kind']): void => {
      const piece = numbered(e1, offset, line, kind);
      offset += piece.length;
      shell.say(piece);
    };
    for (let count = 0; count < 5000; count += 1) say('x'.repeat(8192), 'more');
    // Nor without ever ending a piece of one.
    for (let count = 0; count < 100; count += 1) shell.say(Buffer.alloc(100_000, 'x'));
    await vi.advanceTimersByTimeAsync(0);
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * maxLineBytes);
    shell.say('\n');
    say('', 'last');
    say('{"a":1}', 'last');
    await vi.advanceTimersByTimeAsync(0);
    expect(order.filter((what) => what === 'oversized')).toHaveLength(1);
    expect(heard.lines.map(({ text }) => text)).toEqual(['{"a":1}']);
    await end();
  });
});
