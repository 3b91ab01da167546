import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { SigningClock } from '../../src/aws/signing-clock.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type { ShellClose } from '../../src/shell/close-codes.ts';
import { createShell, type ShellOptions } from '../../src/shell/reconnecting-shell.ts';
import type { Shell } from '../../src/shell/shell.ts';
import type { ShellStatus } from '../../src/shell/status.ts';
import { Queue } from './queue.ts';

export type ShellEvent =
  | { readonly is: 'open' }
  | { readonly is: 'status'; readonly status: ShellStatus }
  | { readonly is: 'output'; readonly text: string }
  | { readonly is: 'close'; readonly close: ShellClose }
  | { readonly is: 'failed'; readonly error: BridgeError };

/** A shell on a test's service, and what it told, in order. */
export function recordedShell(
  url: string,
  options: Partial<ShellOptions> = {},
): { shell: Shell; events: Queue<ShellEvent> } {
  const events = new Queue<ShellEvent>();
  const shell = createShell({
    target: {
      endpoint: new URL(url),
      arn: parseRuntimeArn('arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/agent-1'),
      qualifier: 'DEFAULT',
      sessionId: 'session-0123456789-0123456789-0123456789',
      shellId: 'shell-1',
    },
    credentials: () => Promise.resolve({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'made-up' }),
    signingClock: new SigningClock({ log: silentLog }),
    log: silentLog,
    random: () => 0.5,
    events: {
      onOpen: () => events.push({ is: 'open' }),
      onStatus: (status) => events.push({ is: 'status', status }),
      onOutput: (bytes) => events.push({ is: 'output', text: Buffer.from(bytes).toString() }),
      onClose: (close) => events.push({ is: 'close', close }),
      onFailed: (error) => events.push({ is: 'failed', error }),
    },
    ...options,
  });
  return { shell, events };
}
