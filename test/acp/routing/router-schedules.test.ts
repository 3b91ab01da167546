import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifies } from '../../requirements.ts';
import { Play, type What } from '../play.ts';

/** How often each of what may happen does, in proportion. */
const weights: Readonly<Record<What, number>> = {
  'client asks': 30,
  'client answers': 15,
  'client notifies': 10,
  'client cancels': 10,
  'client cancels turn': 10,
  'agent answers': 30,
  'agent asks': 10,
  'agent notifies': 10,
  'agent exits': 10,
  'agent is lost': 10,
  'agent begins': 20,
  'link stalls': 10,
  'link delivers': 10,
  'link fails': 1,
};
const what = fc.oneof(
  ...Object.entries(weights).map(([is, weight]) => ({ weight, arbitrary: fc.constant(is as What) })),
);
/** `pick` chooses among what there is at that moment. */
const event = fc.record({ what, pick: fc.nat(9) });

test(
  verifies(
    ['acp.one-answer', 'acp.stale-answers', 'acp.agent-requests'],
    'under any schedule of events every request gets exactly one answer, its own',
  ),
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        const play = new Play();
        for (const { what, pick } of events) {
          play.happen(what, pick);
          // Sometimes several things happen before the client gets its lines.
          if (pick % 2 === 0) await play.clientReads();
        }
        await play.end();
        expect(play.faults).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  },
);
