import { describe, expect, test } from 'vitest';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { SigningClock } from '../../src/aws/signing-clock.ts';
import { stopSession } from '../../src/aws/stop-session.ts';
import { silentLog } from '../../src/base/log.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import type { AcpClient } from '../contract/acp-client.ts';
import { connect, keepsHistory } from '../contract/stage.ts';
import { verifies } from '../requirements.ts';
import { runtimeArn } from './bridge-process.ts';
import { ServiceRecord } from './service-record.ts';
import { startLocal } from './stage.ts';

/** Ends the microVM of a session, as an operator does from elsewhere. */
async function stop(local: LocalAgentCore, sessionId: string): Promise<void> {
  const [keys] = local.credentials;
  const service = { endpoint: new URL(local.url), arn: parseRuntimeArn(runtimeArn), qualifier: 'DEFAULT' };
  const credentials = () => Promise.resolve(keys);
  const signingClock = new SigningClock({ log: silentLog });
  await stopSession({ ...service, sessionId, credentials, signingClock }, AbortSignal.timeout(10_000));
}

/** Ends the shell of a session. */
function endShell(local: LocalAgentCore, sessionId: string): void {
  const [shell] = local.sessions().find((each) => each.sessionId === sessionId)?.shells ?? [];
  local.faults.killShell(shell?.shellId ?? '');
}

/** The one microVM that runs. */
function microVm(local: LocalAgentCore): string {
  const [session, ...others] = local.sessions();
  expect(others).toEqual([]);
  return session?.sessionId ?? '';
}

/** Has the bridge log what its link to the agent does. */
const logged = ['--log-level', 'debug'];

/** Resolves when the link has stopped trying to be attached. */
async function rests({ bridge }: AcpClient): Promise<void> {
  await bridge.until(() => /the link to the agent.*\bidle\b/.test(bridge.stderr));
}

/** How many agents the bridge has started. */
function started({ bridge }: AcpClient): number {
  return bridge.stderr.match(/attached.*started.{1,3}true/g)?.length ?? 0;
}

/** How the service ends what an idle thread holds, and how the bridge is told. */
const endings = [
  ['StopRuntimeSession, by close code 1001', 1001, stop],
  ['StopRuntimeSession, by 0xFF and close code 1000', '0xff-1000', stop],
  ['StopRuntimeSession, by 0xFF and close code 1001', '0xff-1001', stop],
  ['the end of its shell, by close code 1000', 1001, endShell],
] as const;

describe('a thread at rest', () => {
  test.each(endings)(
    verifies('acp.rest', 'is told of %s, and makes no connection until somebody speaks: then it goes on'),
    async (_, eviction, end) => {
      const record = new ServiceRecord();
      const local = await startLocal({ log: record.log, readings: { eviction } });
      const client = await connect(local, { args: [...logged, ...keepsHistory] });
      const session = await client.newSession();
      await client.prompt(session, 'one');
      const sessionId = microVm(local);
      await end(local, sessionId);
      await rests(client);
      // A whole life of another thread, which begins later than a new connection of this one would.
      await client.prompt(await client.newSession(), 'say 1');
      expect(record).toMatchObject({ attached: 2, refused: 0 });
      expect(record.begun.filter((each) => each === sessionId)).toHaveLength(1);

      expect((await client.prompt(session, 'say 1')).said.at(-1)).toBe('0');
      expect(record).toMatchObject({ attached: 3, refused: 0 });
    },
  );

  test(
    verifies(
      'acp.rest',
      'whose connection is dropped, and whose microVM is gone, has no agent started for it',
    ),
    async () => {
      const record = new ServiceRecord();
      const local = await startLocal({ log: record.log });
      const client = await connect(local, { args: [...logged, ...keepsHistory] });
      const session = await client.newSession();
      await client.prompt(session, 'one');
      const sessionId = microVm(local);
      // The bridge comes back when the microVM has ended.
      local.faults.refuseUpgrades({ status: 503, retryAfter: 2 });
      local.faults.cut('fin');
      await stop(local, sessionId);
      await rests(client);
      expect(record).toMatchObject({ attached: 2, begun: [sessionId, sessionId] });
      expect(started(client)).toBe(1);

      expect((await client.prompt(session, 'say 1')).said.at(-1)).toBe('0');
      expect(started(client)).toBe(2);
    },
  );

  test(
    verifies(
      ['acp.rest', 'acp.heal'],
      'whose agent has crashed, and whose microVM is stopped, has a new one for the next prompt',
    ),
    async () => {
      const local = await startLocal();
      const client = await connect(local, { args: [...logged, ...keepsHistory] });
      const session = await client.newSession();
      await client.prompt(session, 'one');
      expect((await client.prompt(session, 'crash 3')).answer.error).toBeDefined();
      await stop(local, microVm(local));
      await rests(client);
      expect((await client.prompt(session, 'say 1')).said.at(-1)).toBe('0');
    },
  );
});

describe('a thread with an open turn', () => {
  test.each([
    ['close code 1001', (local: LocalAgentCore) => local.faults.cut(1001)],
    ['close code 1000', (local: LocalAgentCore) => local.faults.cut(1000)],
    ['a dropped network', (local: LocalAgentCore) => local.faults.cut('rst')],
    ['the end of its shell', (local: LocalAgentCore) => endShell(local, microVm(local))],
  ])(
    verifies(['acp.rest', 'host.outlives-shell'], 'is attached again after %s, without anybody speaking'),
    async (_, end) => {
      const record = new ServiceRecord();
      const local = await startLocal({ log: record.log });
      const client = await connect(local, { args: logged });
      const session = await client.newSession();
      const turn = client.prompt(session, 'say 1\nwait\nsay 2');
      await client.until(() => client.said(session).length === 1);
      end(local);
      await client.bridge.until(
        () => (client.bridge.stderr.match(/the link to the agent.*\battached\b/g)?.length ?? 0) === 2,
      );
      expect(record.attached).toBe(2);
      expect(started(client)).toBe(1);
      client.notify('_test/go', { sessionId: session });
      expect((await turn).said).toEqual(['0', '0', '1']);
    },
  );
});
