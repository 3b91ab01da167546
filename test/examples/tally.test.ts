import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Crossing } from '../../examples/demo/chat-bot.ts';
import { outcomeOf, Tally } from '../../examples/demo/tally.ts';
import { withNumbers } from '../../examples/numbered.ts';

describe('the result of numbered messages', () => {
  test('is whole if each came once, in order', () => {
    expect(outcomeOf(3, [0, 1, 2])).toEqual({ sent: 3, received: 3, lost: 0, doubled: 0, disordered: 0 });
  });

  test('counts missing messages, also at the end', () => {
    expect(outcomeOf(4, [0, 2])).toEqual({ sent: 4, received: 2, lost: 2, doubled: 0, disordered: 0 });
  });

  test('counts a message that comes twice as doubled, not as disordered', () => {
    expect(outcomeOf(2, [0, 1, 0, 1])).toEqual({ sent: 2, received: 4, lost: 0, doubled: 2, disordered: 0 });
  });

  test('counts a message that comes late as disordered', () => {
    expect(outcomeOf(3, [1, 2, 0])).toEqual({ sent: 3, received: 3, lost: 0, doubled: 0, disordered: 1 });
  });

  test('is faultless only if all came in order', () => {
    const arrivals = fc.oneof(
      fc.array(fc.nat(4)),
      fc.shuffledSubarray([0, 1, 2, 3, 4, 4]),
      fc.constant([0, 1, 2, 3, 4]),
    );
    fc.assert(
      fc.property(arrivals, (numbers) => {
        const { lost, doubled, disordered } = outcomeOf(5, numbers);
        expect(lost + doubled + disordered === 0).toBe(numbers.join() === '0,1,2,3,4');
      }),
    );
  });
});

describe('a tally', () => {
  const toAgent = (number: number): Crossing => ({
    direction: 'to-agent',
    kind: 'request',
    method: 'session/prompt',
    message: withNumbers({ id: number, method: 'session/prompt' }, { 'example/number': number }),
  });
  const toBot = (number: number, received: readonly number[]): Crossing => ({
    direction: 'to-bot',
    kind: 'answer',
    method: 'session/prompt',
    message: withNumbers({ id: 0, result: {} }, { 'example/number': number, 'example/received': received }),
  });
  const tallyOf = (crossings: readonly Crossing[]): Tally => {
    const tally = new Tally();
    for (const crossing of crossings) tally.count(crossing);
    return tally;
  };

  test('is whole if both sides got what the other sent', () => {
    expect(tallyOf([toAgent(0), toBot(0, [0])]).isWhole()).toBe(true);
  });

  test("is not whole if a message of the bot's did not reach the agent", () => {
    const tally = tallyOf([toAgent(0), toAgent(1), toBot(0, [1])]);
    expect(tally.isWhole()).toBe(false);
    expect(tally.outcomes()['bot → agent'].lost).toBe(1);
  });

  test("is not whole if a message of the agent's did not reach the bot", () => {
    const tally = tallyOf([toAgent(0), toBot(1, [0])]);
    expect(tally.isWhole()).toBe(false);
    expect(tally.outcomes()['agent → bot'].lost).toBe(1);
  });

  test('is not whole if nothing was counted', () => {
    expect(new Tally().isWhole()).toBe(false);
  });
});
