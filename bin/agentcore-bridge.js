#!/usr/bin/env node
// Nothing is imported: an `import` of Node's own modules runs all their getters, and every start would wait for that.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `agentcore-bridge needs Node.js 22.12 or later; this is ${process.versions.node} (${process.execPath}).\n`,
  );
  process.exitCode = 2;
} else {
  const { createRequire, enableCompileCache } = process.getBuiltinModule('node:module');
  enableCompileCache();
  const { main } = createRequire(import.meta.url)('../dist/bridge/main.cjs');
  await main();
}
