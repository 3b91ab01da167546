import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { bridgeSettings } from '../../src/config/settings.ts';
import { text } from '../../src/config/values.ts';
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
  test('has a default for everything except the ARN', () => {
    expect(read({})).toEqual({
      runtimeArn: 'arn',
      qualifier: 'DEFAULT',
      threadFrom: 'auto',
      map: [],
      env: {},
      persist: [],
      workspaceTimeoutMs: 60_000,
      cancelStrategy: 'stop',
      cancelGraceMs: 10_000,
      onExit: 'detach',
      idleDetachMs: 300_000,
      progress: true,
      clientFs: false,
      clientTerminal: false,
      mcpStdio: 'drop',
      useFipsEndpoint: false,
      useDualstackEndpoint: false,
      maxMessage: 64 * 1024 * 1024,
      logLevel: 'warn',
      logFormat: 'text',
    });
  });

  test(verifies(['cli.contract', 'cli.environment'], 'prefers a flag to its variable'), () => {
    const env = { AGENTCORE_THREAD: 'by variable', AGENTCORE_CWD: '/by/variable' };
    expect(read({ thread: 'by flag' }, env)).toMatchObject({ thread: 'by flag', cwd: '/by/variable' });
  });

  test(verifies('cli.contract', 'ignores an empty variable, but not an empty flag'), () => {
    expect(read({}, { AGENTCORE_THREAD: '' }).thread).toBeUndefined();
    expect(errorOf({ thread: '' }).message).toMatch(/^--thread must not be empty/);
  });

  test(
    verifies('aws.endpoint-override', "prefers the service's own endpoint variable to the general one"),
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

  test('keeps the text behind the first = of an assignment unchanged, and the last one of a name', () => {
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

  test.each([
    ['0', 0],
    ['500ms', 500],
    ['20s', 20_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['0s', 0],
  ])('reads the time %s', (text, ms) => {
    expect(read({ idleDetachMs: text }).idleDetachMs).toBe(ms);
    expect(read({}, { AGENTCORE_CANCEL_GRACE: text }).cancelGraceMs).toBe(ms);
  });

  test.each(['', '5', '-5s', '1.5h', '5 m', '5M', '25h', '9'.repeat(400) + 's', '1h30m', '1e3ms'])(
    'refuses the time %j',
    (text) => {
      expect(errorOf({ initializeTimeoutMs: text }).message).toMatch(/^--initialize-timeout must be a time/);
    },
  );

  test('takes a flag without a value, or 1, as true', () => {
    expect(read({ progress: true, clientFs: true })).toMatchObject({ progress: false, clientFs: true });
    for (const yes of ['1', 'true', 'TRUE']) {
      expect(read({}, { AGENTCORE_NO_PROGRESS: yes, AGENTCORE_CLIENT_TERMINAL: yes })).toMatchObject({
        progress: false,
        clientTerminal: true,
      });
    }
    for (const no of ['0', 'false', '']) {
      expect(read({}, { AGENTCORE_NO_PROGRESS: no, AGENTCORE_CLIENT_FS: no })).toMatchObject({
        progress: true,
        clientFs: false,
      });
    }
    expect(errorOf({}, { AGENTCORE_NO_PROGRESS: 'maybe' }).message).toBe(
      'AGENTCORE_NO_PROGRESS must be 1 or 0',
    );
  });

  test("accepts the values of AWS's own tools for FIPS and dual-stack endpoints", () => {
    for (const [yes, no] of [
      ['true', 'false'],
      ['True', 'FALSE'],
    ] as const) {
      expect(read({}, { AWS_USE_FIPS_ENDPOINT: yes, AWS_USE_DUALSTACK_ENDPOINT: no })).toMatchObject({
        useFipsEndpoint: true,
        useDualstackEndpoint: false,
      });
    }
    // AWS's tools take these for "no", or for an error.
    for (const other of ['1', 'yes', ' true']) {
      expect(errorOf({}, { AWS_USE_FIPS_ENDPOINT: other }).message).toBe(
        'AWS_USE_FIPS_ENDPOINT must be true or false',
      );
    }
    expect(read({ useFipsEndpoint: true }, { AWS_USE_FIPS_ENDPOINT: 'false' }).useFipsEndpoint).toBe(true);
  });

  test(verifies('aws.region', "ignores AWS's Region variables"), () => {
    expect(read({}, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' }).region).toBeUndefined();
    expect(read({ region: 'us-east-1' }, { AWS_REGION: 'eu-west-1' }).region).toBe('us-east-1');
  });

  test('accepts a JSON object for capabilities, and repeats nothing of another text', () => {
    const text = '{"loadSession":true,"_meta":{"a":[1]}}';
    expect(read({ agentCapabilities: text }).agentCapabilities).toEqual(JSON.parse(text));
    for (const bad of ['', 'secret', '[]', '"secret"', 'null', '1', '{"secret":', '{}{}']) {
      const { message } = errorOf({ agentCapabilities: bad });
      expect(message).toMatch(/^--agent-capabilities must be a JSON object/);
      expect(message).not.toContain('secret');
    }
  });

  test.each([
    ['.claude', '.claude'],
    ['~/.claude/', '.claude'],
    ['./.local//share/./opencode', '.local/share/opencode'],
    ['-rf', '-rf'],
    ["it's $HOME", "it's $HOME"],
    ['...', '...'],
    ['~user', '~user'],
  ])('reads the path %j to save', (given, path) => {
    expect(read({ persist: [given] }).persist).toEqual([path]);
  });

  test.each(['', '.', '/', '~', '~/', '~//etc', '/etc', '..', 'a/../b', '~/..', 'a\nb', 'a\0b', 'a\rb'])(
    'refuses the path %j to save',
    (path) => {
      expect(errorOf({ persist: ['.ok', path] }).message).toMatch(/^--persist must be a path below HOME/);
    },
  );

  test.each([
    ['/home/me=/mnt/workspace', '/home/me', '/mnt/workspace'],
    ['/home/me/=/mnt//workspace/', '/home/me', '/mnt/workspace'],
    ['/a=b/c=/d=e', '/a=b/c', '/d=e'],
    ['/=/mnt/workspace', '/', '/mnt/workspace'],
    ['/a/../b=/c/./d', '/b', '/c/d'],
  ])('reads the mapping %j', (given, local, remote) => {
    expect(read({ map: [given] }).map).toEqual([{ local, remote }]);
  });

  test.each(['', '/a', '/a=', '=/b', 'a=/b', '/a=b', '~/a=/b', '/a\n=/b', '/a=/b\0'])(
    'refuses the mapping %j',
    (mapping) => {
      expect(errorOf({ map: [mapping] }).message).toBe('--map must be LOCAL=REMOTE, both absolute paths');
    },
  );

  test.each([
    ['threadFrom', 'AGENTCORE_THREAD_FROM', 'auto, sender-context, session'],
    ['cancelStrategy', 'AGENTCORE_CANCEL_STRATEGY', 'stop, forward, noop'],
    ['onExit', 'AGENTCORE_ON_EXIT', 'detach, stop'],
    ['mcpStdio', 'AGENTCORE_MCP_STDIO', 'drop, keep'],
    ['agent', 'AGENTCORE_AGENT', 'kiro, claude, codex, opencode, gemini, qwen, copilot, cursor'],
  ] as const)('accepts only the listed words for %s', (name, variable, words) => {
    for (const word of words.split(', ')) expect(read({}, { [variable]: word })[name]).toBe(word);
    expect(errorOf({}, { [variable]: 'nope' }).message).toBe(`${variable} must be one of ${words}`);
  });

  test('makes the schema of a setting only if it is given, to keep the start fast', () => {
    const made: string[] = [];
    const setting = (name: string) => ({
      flag: `--${name} <text>`,
      env: [],
      says: '',
      schema: () => {
        made.push(name);
        return text();
      },
    });
    const settings = { one: setting('one'), two: { ...setting('two'), default: 'none' } };
    expect(readConfig(settings, { one: 'given' }, {})).toEqual({ one: 'given', two: 'none' });
    expect(made).toEqual(['one']);
  });

  test('names the variable with the mistake, and does not repeat a value that may be a secret', () => {
    expect(errorOf({}, { AGENTCORE_QUALIFIER: 'a b' }).message).toMatch(/^AGENTCORE_QUALIFIER must be/);
    expect(errorOf({ env: ['TOKEN secret'] }).message).not.toContain('secret');
  });
});
