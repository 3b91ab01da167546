import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { bridgeSettings } from '../../src/config/settings.ts';
import { verifies } from '../requirements.ts';

const read = (
  flags: Record<string, unknown>,
  env: Record<string, string> = {},
): ReturnType<typeof readBridge> => readBridge({ runtimeArn: 'arn', ...flags }, env);

const readBridge = (flags: Record<string, unknown>, env: Record<string, string>) =>
  readConfig(bridgeSettings, flags, env);

function errorOf(flags: Record<string, unknown>, env: Record<string, string> = {}): BridgeError {
  try {
    read(flags, env);
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
  throw new Error('nothing was wrong');
}

describe('the configuration', () => {
  test('has a default for all but the ARN', () => {
    expect(read({})).toEqual({
      runtimeArn: 'arn',
      qualifier: 'DEFAULT',
      command: 'kiro-cli acp --trust-all-tools',
      env: {},
      maxMessage: 64 * 1024 * 1024,
      logLevel: 'warn',
      logFormat: 'text',
    });
  });

  test(verifies(['cli.contract', 'cli.environment'], 'takes a flag before its variable'), () => {
    const env = { AGENTCORE_THREAD: 'by variable', AGENTCORE_CWD: '/by/variable' };
    expect(read({ thread: 'by flag' }, env)).toMatchObject({ thread: 'by flag', cwd: '/by/variable' });
  });

  test(verifies('cli.contract', 'takes an empty variable for none, but not an empty flag'), () => {
    expect(read({}, { AGENTCORE_THREAD: '' }).thread).toBeUndefined();
    expect(errorOf({ thread: '' }).message).toMatch(/^--thread must not be empty/);
  });

  test(
    verifies('aws.endpoint-override', "takes the service's own endpoint variable before the general one"),
    () => {
      const general = { AWS_ENDPOINT_URL: 'http://general' };
      const own = { AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: 'http://own' };
      expect(read({}, general).endpointUrl).toBe('http://general');
      expect(read({}, { ...general, ...own }).endpointUrl).toBe('http://own');
      expect(read({}, { ...general, AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: '' }).endpointUrl).toBe(
        'http://general',
      );
      expect(read({ endpointUrl: 'http://flag' }, { ...general, ...own }).endpointUrl).toBe('http://flag');
    },
  );

  test('keeps an assignment as it is behind the first =, and the last one of a name', () => {
    expect(read({ env: ['A=b=c\nd', 'B=', 'C=1', 'C=2', '__proto__=x'] }).env).toEqual(
      Object.fromEntries([
        ['A', 'b=c\nd'],
        ['B', ''],
        ['C', '2'],
        ['__proto__', 'x'],
      ]),
    );
  });

  test.each([
    ['65536', 65_536],
    ['64kb', 65_536],
    ['1GB', 1024 ** 3],
  ])('reads the size %s', (text, bytes) => {
    expect(read({ maxMessage: text }).maxMessage).toBe(bytes);
  });

  test.each(['', '0', '63KB', '1.5MB', '-1', '1TB', '1025MB', '1e9'])('refuses the size %j', (text) => {
    expect(errorOf({ maxMessage: text })).toMatchObject({ code: 'usage' });
  });

  test('names the variable that is at fault, and does not repeat a value that may be a secret', () => {
    expect(errorOf({}, { AGENTCORE_QUALIFIER: 'a b' }).message).toMatch(/^AGENTCORE_QUALIFIER must be/);
    expect(errorOf({ env: ['TOKEN secret'] }).message).not.toContain('secret');
  });
});
