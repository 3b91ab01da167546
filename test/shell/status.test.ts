import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStatus } from '../../src/shell/status.ts';
import { verifies } from '../requirements.ts';

const decode = (value: unknown): unknown => decodeStatus(Buffer.from(JSON.stringify(value)));
const status = { kind: 'Status', apiVersion: 'v1' };

describe('STATUS payloads', () => {
  it(verifies('shell.status', 'a confirmation names the shell, and whether it existed before'), () => {
    const metadata = { shellId: 's-1', reconnected: true };
    expect(decode({ ...status, metadata, status: 'Success' })).toEqual({
      is: 'confirmation',
      shellId: 's-1',
      reconnected: true,
    });
  });

  it('dropped bytes are reported by either confirmation', () => {
    const metadata = { shellId: 's-1', reconnected: true, bytesDropped: 7 };
    expect(decode({ ...status, metadata, status: 'Success' })).toMatchObject({ bytesDropped: 7 });
    expect(decode({ ...status, metadata: { bytesDropped: 7 }, status: 'Success' })).toEqual({
      is: 'confirmation',
      bytesDropped: 7,
    });
  });

  it(
    verifies('shell.status', 'a confirmation that does not say whether the shell is new leaves it undefined'),
    () => {
      expect(decodeStatus(Buffer.from('{"metadata":{"shellId":"s-1"},"status":"Success"}'))).toStrictEqual({
        is: 'confirmation',
        shellId: 's-1',
        reconnected: undefined,
        bytesDropped: undefined,
      });
    },
  );

  it(verifies('shell.status', 'success without metadata is exit 0'), () => {
    expect(decode({ ...status, metadata: {}, status: 'Success' })).toEqual({ is: 'exited', code: 0 });
    expect(decode({ ...status, status: 'Success' })).toEqual({ is: 'exited', code: 0 });
  });

  it('a failed exit has its code, and its signal', () => {
    const exit = { ...status, metadata: {}, status: 'Failure', reason: 'NonZeroExitCode' };
    const message = 'command terminated with exit code 137';
    const causes = [
      { reason: 'ExitCode', message: '137' },
      { reason: 'Signal', message: 'SIGKILL' },
    ];
    expect(decode({ ...exit, message, details: { causes: causes.slice(0, 1) } })).toEqual({
      is: 'exited',
      code: 137,
    });
    expect(decode({ ...exit, message, details: { causes } })).toEqual({
      is: 'exited',
      code: 137,
      signal: 'SIGKILL',
    });
    expect(decode({ ...exit, message })).toEqual({ is: 'exited', code: 137 });
  });

  it(verifies('shell.status', 'another failure is an error of the platform'), () => {
    const error = {
      ...status,
      status: 'Failure',
      reason: 'InternalError',
      message: 'no\u001b[31m pty',
      code: 500,
    };
    expect(decode(error)).toEqual({
      is: 'platform-error',
      isInternal: true,
      reason: 'InternalError',
      message: String.raw`no\x1b[31m pty`,
      code: 500,
    });
  });

  it(verifies('shell.status', 'fields of another type count as absent'), () => {
    const metadata = { shellId: 's-1', reconnected: 'yes', bytesDropped: -1, later: [] };
    expect(decode({ metadata, status: 'Success' })).toEqual({
      is: 'confirmation',
      shellId: 's-1',
    });
    const failure = { status: 'Failure', reason: 5, details: { causes: 'none' } };
    expect(decode(failure)).toEqual({
      is: 'platform-error',
      isInternal: false,
      reason: '',
      message: '',
    });
  });

  it(
    verifies('shell.status', 'a payload that is no status is unknown, and never causes an exception'),
    () => {
      for (const value of [null, 5, [], {}, { status: 'Maybe' }])
        expect(decode(value)).toEqual({ is: 'unknown' });
      fc.assert(
        fc.property(fc.uint8Array(), (bytes) => {
          expect(decodeStatus(bytes)).toEqual({ is: 'unknown' });
        }),
      );
      fc.assert(
        fc.property(fc.jsonValue(), fc.jsonValue(), (metadata, details) => {
          decode({ status: 'Success', metadata, details });
          decode({ status: 'Failure', metadata, details });
        }),
      );
    },
  );
});
