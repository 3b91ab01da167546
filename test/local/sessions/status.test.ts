import { expect, test } from 'vitest';
import { confirmation, exitStatus } from '../../../src/local/sessions/status.ts';
import { verifies } from '../../requirements.ts';

const parse = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

test('a confirmation names the shell, and the dropped bytes if there are any', () => {
  expect(parse(confirmation({ shellId: 'a', reconnected: false }))).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: { shellId: 'a', reconnected: false },
    status: 'Success',
  });
  expect(parse(confirmation({ shellId: 'a', reconnected: true, bytesDropped: 7 }))).toMatchObject({
    metadata: { bytesDropped: 7 },
  });
});

test(
  verifies(
    'local.shell',
    'an exit status is Success for 0, and NonZeroExitCode with its causes for the rest',
  ),
  () => {
    expect(parse(exitStatus({ code: 0, signal: 0 }))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
    });
    expect(parse(exitStatus({ code: 3, signal: 0 }))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with exit code 3',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
    expect(parse(exitStatus({ code: 0, signal: 9 }))).toMatchObject({
      details: {
        causes: [
          { reason: 'ExitCode', message: '137' },
          { reason: 'Signal', message: '9' },
        ],
      },
    });
  },
);
