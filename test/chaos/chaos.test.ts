import { expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { runChaos } from './run.ts';

test(
  verifies(
    ['host.exactly-once', 'host.takeover', 'host.damage', 'shell.close-codes', 'shell.confirmation'],
    'a seeded run with faults of every kind has no loss that is not allowed',
  ),
  async () => {
    const { table, isWhole, lanes } = await runChaos({ seed: 3, messages: 8000, faults: 42, lanes: 3 });
    expect(isWhole ? 'WHOLE' : table).toBe('WHOLE');
    expect(lanes.reduce((sum, { faultsDone }) => sum + faultsDone, 0)).toBe(42);
  },
  240_000,
);
