import { expect, test } from 'vitest';
import { type Call, Calls, type Outcome } from '../../../../src/acp/thread/state/calls.ts';
import { verifies } from '../../../requirements.ts';

const cancelled: Outcome = { is: 'cancelled' };

/** Calls, and those that were settled. */
function begun(): { calls: Calls; settled: number[]; ask: (id: string) => Call } {
  const settled: number[] = [];
  const calls = new Calls(5, ({ number }) => settled.push(number));
  const ask = (id: string): Call =>
    calls.add({ kind: 'client', id, method: 'm', sessionId: undefined, purpose: { is: 'other' } });
  return { calls, settled, ask };
}

test(verifies('acp.one-answer', 'a call is settled once, however it ends'), () => {
  const { calls, settled, ask } = begun();
  const call = ask('"a"');
  expect([call.number, call.state, calls.has(call)]).toEqual([5, 'waiting', true]);
  calls.settle(call, cancelled);
  calls.settle(call, cancelled);
  calls.settleAll(() => true, cancelled);
  expect([settled, calls.has(call), calls.isClientWaiting]).toEqual([[5], false, false]);
});

test('the chosen calls are settled, in their order', () => {
  const { calls, settled, ask } = begun();
  for (const id of ['1', '2', '3']) ask(id);
  calls.settleAll(({ number }) => number !== 6, cancelled);
  expect([settled, calls.all().map(({ number }) => number)]).toEqual([[5, 7], [6]]);
});

test('the client’s calls are found by the client’s ids', () => {
  const { calls, ask } = begun();
  const call = ask('"a"');
  const own = { kind: 'own', purpose: 'question', method: 'm', sessionId: undefined } as const;
  calls.add({ ...own, onSettled: () => undefined });
  expect([calls.ofClient('"a"'), calls.ofClient('a')]).toEqual([call, undefined]);
});
