import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect } from 'vitest';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from '../../src/local/options.ts';
import { BridgeProcess, type BridgeOptions, repository } from './bridge-process.ts';

/** What a test starts is ended behind it, newest first, whatever of it fails. */
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  const failures: unknown[] = [];
  for (const end of endings.splice(0).toReversed()) {
    await end().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
});

/** What the bridges of a test file learn of their agents is nobody else's. */
const cacheHome = mkdtempSync(join(tmpdir(), 'acb-cache-'));
afterAll(() => rmSync(cacheHome, { recursive: true, force: true }));

/** Has something ended when the test is over. */
export function endLater(end: () => Promise<void>): void {
  endings.push(end);
}

/** A local AgentCore in which the fixtures of this repository can run. */
export async function startLocal(options: LocalAgentCoreOptions = {}): Promise<LocalAgentCore> {
  const local = await startLocalAgentCore({ imagePaths: [repository], ...options });
  endLater(() => local.close());
  return local;
}

/** A bridge to it, which must print nothing but messages on stdout to the end. */
export function startBridge(
  local: Pick<LocalAgentCore, 'url' | 'credentials'> | undefined,
  options: BridgeOptions = {},
): BridgeProcess {
  const bridge = new BridgeProcess(local, {
    ...options,
    // Nor is there a place for a list of their sessions, unless a test has one.
    env: { XDG_CACHE_HOME: cacheHome, XDG_STATE_HOME: '/dev/null', ...options.env },
  });
  endLater(async () => {
    await bridge.stop();
    expect(bridge.strayLines()).toEqual([]);
  });
  return bridge;
}

/** The same bridge, once its agent has answered `initialize`. */
export async function begun(bridge: BridgeProcess): Promise<BridgeProcess> {
  await bridge.request('initialize', { protocolVersion: 1 });
  return bridge;
}
