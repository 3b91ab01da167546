import { defineConfig } from 'vitest/config';
import { repository } from '../e2e/bridge-process.ts';

/** `npm run test:acpx`: outside of the default run, as it needs the npm registry. */
export default defineConfig({
  root: repository,
  test: {
    include: ['test/interop/acpx.test.ts'],
    globalSetup: ['test/e2e/build.ts', 'test/interop/acpx-install.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
