import { expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { runChaos } from './run.ts';

test(
  verifies(
    ['host.exactly-once', 'host.takeover', 'host.damage', 'shell.close-codes', 'shell.confirmation'],
    'a seeded storm of faults of every kind takes nothing that it may not',
  ),
  async () => {
    const { table, isWhole, lanes } = await runChaos({ seed: 3, messages: 8000, faults: 42, lanes: 3 });
    expect(isWhole ? 'WHOLE' : table).toBe('WHOLE');
    expect(lanes.reduce((sum, { faultsDone }) => sum + faultsDone, 0)).toBe(42);
  },
  240_000,
);
