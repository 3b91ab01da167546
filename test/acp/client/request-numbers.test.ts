import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstRequestId, OpenRequests } from '../../../src/acp/client/request-numbers.ts';
import { verifies } from '../../requirements.ts';

describe('OpenRequests', () => {
  test('gives each request its own number, and returns it once', () => {
    const requests = new OpenRequests<{ id: string }>(5);
    const [a, b] = [{ id: '"a"' }, { id: '"b"' }];
    expect([requests.open(a), requests.next, requests.open(b)]).toEqual([5, 6, 6]);
    expect(requests.close('6')).toBe(b);
    expect(requests.close('6')).toBeUndefined();
    expect(requests.open(b)).toBe(7);
    expect(requests.entries()).toEqual([
      [5, a],
      [7, b],
    ]);
  });

  test.each(['"5"', 'null', '5.5', '-5', '"x"', ''])('has no request under %j', (id) => {
    const requests = new OpenRequests<{ id: string }>(5);
    requests.open({ id: '0' });
    expect(requests.close(id)).toBeUndefined();
  });

  test('recognizes a number in a response, however it is written', () => {
    const requests = new OpenRequests<{ id: string }>(500);
    requests.open({ id: '0' });
    expect(requests.close('5.0e2')).toEqual({ id: '0' });
  });

  test('closes the chosen requests, in their order', () => {
    const requests = new OpenRequests<{ id: string }>(0);
    for (const id of ['a', 'b', 'a']) requests.open({ id });
    expect(requests.closeAll(({ id }) => id === 'a').map(([number]) => number)).toEqual([0, 2]);
    expect(requests.entries()).toEqual([[1, { id: 'b' }]]);
  });
});

test(
  verifies('acp.ids', 'numbers towards the agent are non-negative and below 2^53, even after 2^32 of them'),
  () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const first = firstRequestId(random);
        expect(Number.isSafeInteger(first)).toBe(true);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(Number.isSafeInteger(first + 2 ** 32)).toBe(true);
      }),
    );
  },
);

test('processes with different random numbers share no ids', () => {
  expect(firstRequestId(0.5) - firstRequestId(0.499999)).toBeGreaterThanOrEqual(2 ** 32);
});
