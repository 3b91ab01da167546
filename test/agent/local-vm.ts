import { randomUUID } from 'node:crypto';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { SigningClock } from '../../src/aws/signing-clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { createShell } from '../../src/shell/reconnecting-shell.ts';
import { runtimeArn } from '../e2e/bridge-process.ts';
import type { PtyShell } from './pty-shell.ts';
import { eventually } from './stage.ts';

export interface LocalVm {
  readonly shell: Pick<PtyShell, 'connect'>;
  readonly thread: string;
  /** Another thread in the same microVM. */
  readonly neighbour: LocalVm;
  /** Resolves when nobody is attached to its shell. */
  readonly left: () => Promise<void>;
}

/** A thread in a microVM of a local AgentCore, reached over a real connection. */
export function localVm(
  local: LocalAgentCore,
  sessionId = `session-${randomUUID()}`,
  thread = `thread-${randomUUID()}`,
): LocalVm {
  const [{ accessKeyId, secretAccessKey }] = local.credentials;
  return {
    thread,
    shell: {
      connect: (events) =>
        createShell({
          target: {
            endpoint: new URL(local.url),
            arn: parseRuntimeArn(runtimeArn),
            qualifier: 'DEFAULT',
            sessionId,
            shellId: thread,
          },
          credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
          signingClock: new SigningClock({ log: silentLog }),
          events,
          log: silentLog,
        }),
    },
    get neighbour() {
      return localVm(local, sessionId);
    },
    left: () =>
      eventually(() => !local.sessions().some(({ shells }) => shells.some(({ attached }) => attached))),
  };
}
