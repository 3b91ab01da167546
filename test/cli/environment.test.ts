import { describe, expect, test } from 'vitest';
import { keysFromEnvironment } from '../../src/cli/environment.ts';

describe('the keys of the environment', () => {
  test('are a pair, with a token if there is one', () => {
    const pair = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(keysFromEnvironment(pair)).toEqual({ accessKeyId: 'id', secretAccessKey: 'secret' });
    expect(keysFromEnvironment({ ...pair, AWS_SESSION_TOKEN: '' })).not.toHaveProperty('sessionToken');
    expect(keysFromEnvironment({ ...pair, AWS_SESSION_TOKEN: 'token' })).toHaveProperty(
      'sessionToken',
      'token',
    );
  });

  test.each([{}, { AWS_ACCESS_KEY_ID: 'id' }, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: 'secret' }])(
    'are absent in %j',
    (env) => {
      expect(keysFromEnvironment(env)).toBeUndefined();
    },
  );
});
