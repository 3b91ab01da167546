import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // This test installs the client first: run it with `npm run test:acpx`.
    exclude: ['test/interop/acpx.test.ts'],
    // Two cores, shared: end-to-end tests start several processes each.
    globalSetup: ['test/e2e/build.ts'],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/requirements-reporter.ts'],
  },
});
