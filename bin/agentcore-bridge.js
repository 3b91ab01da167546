#!/usr/bin/env node
import module from 'node:module';
import process from 'node:process';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `agentcore-bridge needs Node.js 22.12 or later; this is ${process.versions.node} (${process.execPath}).\n`,
  );
  process.exitCode = 2;
} else {
  module.enableCompileCache();
  const { main } = await import('../dist/cli/main.js');
  await main();
}
