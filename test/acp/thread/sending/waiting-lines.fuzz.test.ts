import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaitingLines } from '../../../../src/acp/thread/sending/waiting-lines.ts';
import { readMessage, type Request } from '../../../../src/acp/message/message.ts';
import { Calls } from '../../../../src/acp/thread/state/calls.ts';
import { type Outgoing, outgoing } from '../../../../src/acp/thread/state/outgoing.ts';
import { bytesOf } from '../../message/json-texts.ts';

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ does: 'push' as const }) },
  { weight: 4, arbitrary: fc.constant({ does: 'shift' as const }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('put before' as const), count: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('settle' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ does: 'prune' as const }) },
);

test('lines that wait come out in order, without requests that were answered, under any schedule', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const calls = new Calls(0, () => undefined);
      const waiting = new WaitingLines(calls);
      let model: Outgoing[] = [];
      let made = 0;
      const make = (): Outgoing => {
        made += 1;
        const id = String(made);
        const line = bytesOf(`{"id":${id},"method":"m"}`);
        const purpose = { is: 'other' } as const;
        const call = calls.add({ kind: 'client', id, method: 'm', sessionId: undefined, purpose });
        return outgoing(call, { line, message: readMessage(line) as Request });
      };
      const isOpen = ({ call }: Outgoing): boolean => call !== undefined && calls.has(call);
      const shift = (): Outgoing | undefined => {
        while (model[0] !== undefined && !isOpen(model[0])) model.shift();
        return model.shift();
      };
      for (const each of steps) {
        if (each.does === 'push') {
          const line = make();
          model.push(line);
          waiting.push(line);
        } else if (each.does === 'put before') {
          const lines = Array.from({ length: each.count }, make);
          model.unshift(...lines);
          waiting.putBefore(lines);
        } else if (each.does === 'settle') {
          const call = model[each.pick]?.call;
          if (call !== undefined) calls.settle(call, { is: 'cancelled' });
        } else if (each.does === 'prune') {
          model = model.filter(isOpen);
          waiting.prune();
        } else {
          expect(waiting.shift()).toBe(shift());
        }
        expect(waiting.length).toBe(model.length);
        expect(waiting.bytes).toBe(model.reduce((sum, { line }) => sum + line.length, 0));
      }
      for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) expect(line).toBe(shift());
      expect(shift()).toBeUndefined();
      expect([waiting.length, waiting.bytes]).toEqual([0, 0]);
    }),
  );
});
