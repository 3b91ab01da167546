import process from 'node:process';
import type { Reporter, TestModule } from 'vitest/node';
import { requirements } from './requirements.ts';

/** Fails a whole run in which a requirement of `test/requirements.ts` is named by no test that passed. */
export default class RequirementsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const isWholeRun = process.argv
      .slice(2)
      .every((argument) => argument === 'run' || argument.startsWith('--no-'));
    if (!isWholeRun) return;
    const verified = new Set<string>();
    for (const module of modules) {
      for (const test of module.children.allTests('passed')) {
        for (const [, id = ''] of test.fullName.matchAll(/\[([a-z][a-z0-9.-]*)\]/g)) verified.add(id);
      }
    }
    const missing = Object.keys(requirements).filter((id) => !verified.has(id));
    if (missing.length === 0) {
      console.log(`Requirements verified: ${verified.size} of ${Object.keys(requirements).length}`);
      return;
    }
    console.error(`Requirements that no passing test names:\n${missing.map((id) => `  ${id}`).join('\n')}`);
    process.exitCode = 1;
  }
}
