import { expect } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { fixture } from '../e2e/bridge-process.ts';
import { endLater, startBridge } from '../e2e/stage.ts';
import { AcpClient } from './acp-client.ts';

export interface ConnectOptions {
  /** Of the bridge. */
  readonly args?: readonly string[];
  /** Of the agent. */
  readonly switches?: readonly string[];
  readonly isInitialized?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Has what the agent remembers kept. */
export const keepsHistory = ['--persist', '.session-agent'];

/** The answer to a request for a session that is none. */
export const notFound = { error: { code: -32002 } };

/** What a person is told in the conversation. */
export const sentence = /^[A-Z][^.]{20,}\.\s*$/;

/** What starts the agent in the microVM: it takes no second `initialize`. */
export function sessionAgent(switches: readonly string[] = []): readonly string[] {
  return [...fixture('session-agent.ts'), 'initialize-once', ...switches];
}

/** A client of one bridge that has no disk, whose sessions each have a microVM unless `--thread` is given. */
export async function connect(local: LocalAgentCore, options: ConnectOptions = {}): Promise<AcpClient> {
  const { args = [], switches, isInitialized = true, env } = options;
  const client = new AcpClient(
    startBridge(local, { args, agent: sessionAgent(switches), env: { HOME: '/nonexistent', ...env } }),
  );
  endLater(async () => {
    await client.bridge.stop();
    expect(client.strayAnswers).toEqual([]);
  });
  if (isInitialized) await client.initialize();
  return client;
}

/** How many shells a bridge is attached to. */
export function attachedShells(local: LocalAgentCore): number {
  return local.sessions().flatMap(({ shells }) => shells.filter(({ attached }) => attached)).length;
}

/** Resolves when no bridge is attached to any shell: what agents remember is kept by then. */
export async function letGo(local: LocalAgentCore): Promise<void> {
  await expect.poll(() => attachedShells(local), { timeout: 20_000 }).toBe(0);
}

/** Lets time pass in which something must not happen. */
export async function passes(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
