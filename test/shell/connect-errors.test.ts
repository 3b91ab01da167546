import { describe, expect, it } from 'vitest';
import { connectError } from '../../src/shell/connect-errors.ts';

const endpoint = new URL('https://user:secret@example.com:8443/base?q');
const failed = (code: string, message = ''): Error => Object.assign(new Error(message), { code });

describe('errors of a connection that never answered', () => {
  it.each([
    ['ECONNREFUSED', 'it refuses connections'],
    ['ENOTFOUND', 'its name is unknown'],
    ['EAI_AGAIN', 'its name could not be looked up'],
    ['ETIMEDOUT', 'it does not answer'],
  ])('%s may pass, and is told in words', (code, words) => {
    const error = connectError(failed(code), endpoint);
    expect(error).toMatchObject({ code: 'unreachable', retryable: true });
    expect(error.message).toBe(`The endpoint https://example.com:8443 can't be reached: ${words}.`);
  });

  it.each(['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO'])(
    '%s will not pass',
    (code) => {
      expect(connectError(failed(code), endpoint)).toMatchObject({ code: 'unreachable', retryable: false });
    },
  );

  it('another error gives the first line of its text, printable', () => {
    const cause = new Error('odd \u0007 thing\n    at somewhere');
    const error = connectError(cause, endpoint);
    expect(error.message).toBe(
      String.raw`The endpoint https://example.com:8443 can't be reached: odd \x07 thing.`,
    );
    expect(error.cause).toBe(cause);
  });
});
