import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clientSessionId,
  parseClientSessionId,
  randomKey,
} from '../../../src/acp/routing/client-session-ids.ts';

test('an id holds the thread’s key and the agent’s id, whatever that is', () => {
  fc.assert(
    fc.property(fc.option(fc.string({ minLength: 1, unit: 'binary' }), { nil: undefined }), (agentId) => {
      const key = randomKey(randomBytes);
      expect(parseClientSessionId(clientSessionId({ key, agentId }))).toEqual({ key, agentId });
    }),
  );
});

test.each([
  '',
  'acb-',
  'acb-short',
  'sess_1',
  `acb-${'A'.repeat(26)}`,
  `acb-${'a'.repeat(27)}`,
  `x-acb-${'a'.repeat(26)}`,
])('an id that is not of the bridge’s making tells nothing: %s', (id) => {
  expect(parseClientSessionId(id)).toBeUndefined();
});

test('no two keys are the same', () => {
  expect(new Set(Array.from({ length: 1000 }, () => randomKey(randomBytes))).size).toBe(1000);
});
