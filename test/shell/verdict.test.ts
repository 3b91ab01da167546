import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { shellClose } from '../../src/shell/close-codes.ts';
import { verdictOnClose, verdictOnFailure } from '../../src/shell/verdict.ts';
import { verifies } from '../requirements.ts';

const endpoint = new URL('https://example.com');
const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
const untrusted = Object.assign(new Error(''), { code: 'CERT_HAS_EXPIRED' });

describe('the verdict on an end', () => {
  it(
    verifies('shell.close-codes', 'a network drop is retried at once, a failing service after a delay'),
    () => {
      expect(verdictOnClose(shellClose(1006, ''))).toMatchObject({ is: 'retry', floorMs: 0 });
      expect(verdictOnClose(shellClose(1011, ''))).toMatchObject({ is: 'retry', floorMs: 250 });
    },
  );

  it(verifies('shell.close-codes', 'the end of the shell causes no reconnect by itself'), () => {
    expect(verdictOnClose(shellClose(1000, ''))).toEqual({ is: 'rest' });
  });

  it(verifies('shell.replaced', 'the loss of the shell to another client is final'), () => {
    expect(verdictOnClose(shellClose(4000, ''))).toMatchObject({ is: 'stop', error: { code: 'replaced' } });
  });

  it('a certificate that is not trusted ends the first connection, but not a later one', () => {
    expect(verdictOnFailure(untrusted, endpoint, false).is).toBe('stop');
    expect(verdictOnFailure(untrusted, endpoint, true).is).toBe('retry');
    expect(verdictOnFailure(refused, endpoint, false).is).toBe('retry');
  });

  it('missing credentials end the first connection, but not a later one', () => {
    const error = new BridgeError('credentials', 'none');
    expect(verdictOnFailure(error, endpoint, false)).toEqual({ is: 'stop', error });
    expect(verdictOnFailure(error, endpoint, true)).toEqual({ is: 'retry', floorMs: 0, error });
  });
});
