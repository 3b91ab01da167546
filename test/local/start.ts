import { onTestFinished } from 'vitest';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from '../../src/local/options.ts';

/** A local AgentCore that is closed when the test that starts it has ended. */
export async function start(options: LocalAgentCoreOptions = {}): Promise<LocalAgentCore> {
  const core = await startLocalAgentCore(options);
  onTestFinished(() => core.close());
  return core;
}
