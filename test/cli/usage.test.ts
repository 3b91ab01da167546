import { describe, expect, test } from 'vitest';
import { bridgeSettings, type Setting } from '../../src/config/settings.ts';
import { runtimeArn } from '../e2e/bridge-process.ts';
import { verifies } from '../requirements.ts';
import { runBin } from './run-bin.ts';

const arn = ['--runtime-arn', runtimeArn];

describe('a wrong option', () => {
  test.each<[what: string, args: string[], says: RegExp, env?: Record<string, string>]>([
    ['no ARN', [], /--runtime-arn is required.*AGENTCORE_RUNTIME_ARN/],
    [
      'a malformed ARN',
      ['--runtime-arn', 'my-agent'],
      /"my-agent" is not the ARN.*arn:aws:bedrock-agentcore:/,
    ],
    [
      'another Region',
      [...arn, '--region', 'eu-west-1'],
      /Region eu-west-1 .* us-east-1.*Leave out --region/,
    ],
    [
      'an endpoint URL beside a FIPS endpoint',
      [...arn, '--endpoint-url', 'http://127.0.0.1:9'],
      /endpoint URL .*AWS_USE_FIPS_ENDPOINT/,
      { AWS_USE_FIPS_ENDPOINT: 'true' },
    ],
    ['an unknown flag', [...arn, '--nope'], /unknown option '--nope'/],
    ['a flag without its value', [...arn, '--thread'], /'--thread <key>' argument missing/],
    ['an unknown command', ['nope'], /no command "nope"/],
    [
      'an unknown log level',
      [...arn, '--log-level', 'loud'],
      /--log-level must be one of error, warn, info, debug/,
    ],
    ['an unknown log format', [...arn, '--log-format', 'xml'], /--log-format must be one of text, json/],
    ['an assignment without =', [...arn, '--env', 'TOKEN'], /--env must be KEY=VALUE/],
    ['an assignment to no variable', [...arn, '--env', '1A=secret'], /--env must be KEY=VALUE/],
    [
      'a size without sense',
      [...arn, '--max-message', 'much'],
      /--max-message must be a size from 64KB to 1GB/,
    ],
    ['a size out of bounds', arn, /AGENTCORE_MAX_MESSAGE must be a size/, { AGENTCORE_MAX_MESSAGE: '2GB' }],
    ['two agent commands', [...arn, '--command', 'one', '--', 'two'], /twice, by --command and behind --/],
    ['an empty agent command', [...arn, '--command', ''], /--command must not be empty/],
    ['a directory of two lines', [...arn, '--cwd', '/a\nb'], /--cwd must be one line/],
    [
      'an endpoint that is no http',
      [...arn, '--endpoint-url', 'ftp://me:secret@host'],
      /"ftp:\/\/…@host" can't be used/,
    ],
    ['a control character', ['--runtime-arn', 'a\u001b[2J\nb'], /"a\\x1b\[2J\\x0ab" is not the ARN/],
    [
      'an agent command for another command',
      ['ids', '--thread', 'x', '--', 'agent'],
      /The command ids takes no agent behind --/,
    ],
    ['an unknown agent', [...arn, '--agent', 'hal'], /--agent must be one of kiro, claude/],
    ['a value for a flag without one', [...arn, '--no-progress=1'], /unknown option '--no-progress=1'/],
    ['what is neither 1 nor 0', arn, /AGENTCORE_CLIENT_FS must be 1 or 0/, { AGENTCORE_CLIENT_FS: 'si' }],
    ['a time without a unit', [...arn, '--cancel-grace', '10'], /--cancel-grace must be a time/],
    ['a path out of HOME', [...arn, '--persist', '../secret'], /--persist must be a path below HOME/],
    ['half a mapping', [...arn, '--map', '/secret'], /--map must be LOCAL=REMOTE/],
    [
      'capabilities that are no JSON',
      [...arn, '--agent-capabilities', 'secret'],
      /--agent-capabilities must be a JSON object/,
    ],
    ['a host name with a port', ['local', '--host-name', 'here:80'], /--host-name must be a host name/],
    ['a port that is none', ['local', '--port', '70000'], /--port must be at most 65535/],
  ])(
    verifies(['cli.contract', 'cli.bad-input'], '%s is refused in one line, with exit code 2'),
    async (_, args, says, env = {}) => {
      const { code, stdout, stderr } = await runBin(args, { env });
      expect(stderr).toMatch(/^agentcore-bridge: .*\n$/);
      expect(stderr).toMatch(says);
      expect(stderr).not.toContain('secret');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    },
  );
});

describe('--help', () => {
  test(
    verifies('cli.contract', 'names every flag and variable, every command and every exit code'),
    async () => {
      const { code, stdout, stderr } = await runBin(['--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const { flag, env } of Object.values<Setting>(bridgeSettings)) {
        expect(stdout).toContain(flag);
        for (const variable of env) expect(stdout).toContain(variable);
      }
      expect(stdout).toMatch(/^ {2}local .*\n(.*\n)*? {2}ids /m);
      expect(stdout).toMatch(/Exit codes: 0 .*, 2 usage, 3 refused[^]*4 unreachable, 5 replaced[^]*6 /);
    },
  );

  test('of a command names only its own flags', async () => {
    const { stdout } = await runBin(['local', '--help']);
    expect(stdout).toContain('--state-dir');
    expect(stdout).not.toContain('--runtime-arn');
  });
});

test('--version prints only the version', async () => {
  expect(await runBin(['--version'])).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    stderr: '',
  });
});

test(
  verifies('cli.old-node', 'a Node that is too old gets a message that names the required version'),
  async () => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.11.0' } })`;
    const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(older)}`];
    const { code, stdout, stderr } = await runBin(['--version'], { nodeArgs });
    expect(stderr).toMatch(/^agentcore-bridge needs Node\.js 22\.12 or later; this is 22\.11\.0 \(.*\)\.\n$/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  },
);
