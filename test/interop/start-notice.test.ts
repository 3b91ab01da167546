import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from '../../src/local/options.ts';
import { startNotice } from '../../src/local/start-notice.ts';
import { verifies } from '../requirements.ts';
import { installPythonSdk, type PythonSdk } from './python-install.ts';

const run = promisify(execFile);
const runtimeArn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/official-AbCdEf1234';
const token = 'header.payload.signature';

/** Runs a program where a shell has evaluated the start notice, and nothing else is set. Resolves to the JSON that it prints. */
async function runExported(
  core: LocalAgentCore,
  ...command: readonly [string, ...string[]]
): Promise<unknown> {
  const script = `${startNotice(core)}exec "$@"`;
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: '/nonexistent' };
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', ...command, runtimeArn, token], { env });
  return JSON.parse(stdout);
}

function started(options: LocalAgentCoreOptions): Promise<LocalAgentCore> {
  return startLocalAgentCore({ bearerTokens: [token], ...options });
}

describe.each([
  ['plain HTTP', {}],
  ['TLS', { tls: true }],
] as const)("by %s AWS's npm clients need only the exported variables:", (_, options) => {
  test(
    verifies(
      ['local.official-client', 'local.bearer'],
      'a shell by signature, one by token, and an idempotent StopRuntimeSession',
    ),
    async () => {
      const core = await started(options);
      onTestFinished(() => core.close());
      const client = join(import.meta.dirname, 'npm-client.ts');
      const result = await runExported(core, process.execPath, client);
      expect(result).toEqual({ signed: 'hello', bearer: 'hello', stopped: [200, 200] });
    },
  );
});

describe("AWS's Python client needs only the exported variables, besides the name's address:", () => {
  let core: LocalAgentCore;
  let sdk: PythonSdk;
  beforeAll(async () => {
    sdk = await installPythonSdk();
    if (sdk.kind === 'missing') console.warn(`The client of Python is skipped: it ${sdk.why}`);
    core = await started({ tls: true, hostNames: ['bedrock-agentcore.us-east-1.amazonaws.com'] });
  }, 300_000);
  afterAll(() => core.close());

  test(
    verifies(
      ['local.official-client', 'local.bearer', 'local.tls'],
      'shells by signature, by presigned URL and by token, a reattach, an exit code, and an idempotent stop_runtime_session',
    ),
    async ({ skip, annotate }) => {
      if (sdk.kind === 'missing') {
        skip(sdk.why);
        return;
      }
      await annotate(`bedrock-agentcore ${sdk.version}`);
      expect(await runExported(core, sdk.python, join(import.meta.dirname, 'python-client.py'))).toEqual({
        signed: 'hello',
        presigned: 'hello',
        bearer: 'hello',
        exitCode: 42,
        stopped: [200, 200],
      });
    },
  );
});
