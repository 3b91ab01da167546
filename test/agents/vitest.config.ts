import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm run test:agents`: not part of `npm test`, as it downloads agents and takes minutes. */
export default defineConfig({
  root: join(import.meta.dirname, '..', '..'),
  test: {
    include: ['test/agents/*.run.ts'],
    globalSetup: ['test/e2e/build.ts', 'test/agents/cache.ts'],
    fileParallelism: false,
    reporters: ['default', './test/agents/result-table.ts'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
