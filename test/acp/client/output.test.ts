import { describe, expect, test } from 'vitest';
import { ClientOutput } from '../../../src/acp/client/output.ts';

/** An output to a client that takes so many lines of each write. */
function outputTo(takes: (lines: number) => number) {
  const heard: string[] = [];
  const output = new ClientOutput(
    (lines) => {
      const taken = Math.min(takes(lines.length), lines.length);
      heard.push(...lines.slice(0, taken).map((line) => Buffer.from(line).toString()));
      return taken;
    },
    { onFull: () => heard.push('<full>'), onRoom: () => heard.push('<room>') },
  );
  const lane = output.lane((delivered) => heard.push(`<${delivered}>`));
  const say = (text: string, position: number): void => {
    lane.moveTo(position);
    lane.add(Buffer.from(text));
  };
  return { output, lane, heard, say };
}

describe('the output to the client', () => {
  test('writes the lines of one turn of the event loop together, and then reports how far the client is', async () => {
    const { heard, say } = outputTo(() => Infinity);
    say('a', 10);
    say('b', 20);
    await Promise.resolve();
    expect(heard).toEqual(['a', 'b', '<20>']);
  });

  test('reports progress for output that gives the client no line', async () => {
    const { lane, heard } = outputTo(() => Infinity);
    lane.moveTo(30);
    await Promise.resolve();
    expect(heard).toEqual(['<30>']);
  });

  test('counts only lines that the pipe has taken, and goes on behind the one that was under way', async () => {
    let room = 1;
    const { output, heard, say } = outputTo(() => room);
    say('a', 10);
    say('b', 20);
    say('c', 30);
    await Promise.resolve();
    expect(heard.splice(0)).toEqual(['a', '<10>', '<full>']);
    room = 5;
    output.onRoom();
    expect(heard).toEqual(['c', '<30>', '<room>']);
  });

  test('does not count lines of an earlier epoch as progress in this one', async () => {
    const { output, lane, heard, say } = outputTo((lines) => lines - 1);
    say('a', 500);
    await Promise.resolve();
    lane.beginEpoch();
    heard.splice(0);
    say('b', 7);
    output.onRoom();
    expect(heard).toEqual(['<0>']);
  });

  test('is drained when the client has all lines, or after the given time', async () => {
    const slow = outputTo(() => 0);
    slow.say('a', 1);
    await slow.output.drained(1);
    expect(slow.heard).toEqual(['<full>']);
    const waiting = slow.output.drained(60_000);
    slow.output.onRoom();
    await waiting;
    expect(slow.heard.at(-1)).toBe('<room>');
  });

  test('reports progress for each agent separately, in whichever order their lines come', async () => {
    let room = 2;
    const { output, heard, say } = outputTo(() => room);
    const other = output.lane((delivered) => heard.push(`<other ${delivered}>`));
    say('a', 10);
    other.moveTo(5);
    other.add(Buffer.from('x'));
    say('b', 20);
    other.moveTo(9);
    await Promise.resolve();
    expect(heard.splice(0)).toEqual(['a', 'x', '<10>', '<other 5>', '<full>']);
    room = 5;
    output.onRoom();
    expect(heard).toEqual(['<20>', '<other 9>', '<room>']);
    heard.splice(0);
    other.report();
    await Promise.resolve();
    expect(heard).toEqual(['<other 9>']);
  });
});
