import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { bridgeSettings, localSettings, type Setting } from '../../src/config/settings.ts';
import { runtimeArn } from '../e2e/bridge-process.ts';
import { verifies } from '../requirements.ts';
import { runMain as run } from './run-main.ts';

// The commands themselves: what is real here is all that comes before they begin.
const begun = vi.hoisted(() => vi.fn());
vi.mock('../../src/acp/routing/router.ts', () => ({
  Router: vi.fn(function begin() {
    begun('bridge');
    throw new BridgeError('closing', 'the options can be used');
  }),
}));
vi.mock('../../src/cli/line-writer.ts', () => ({ LineWriter: vi.fn() }));
vi.mock('../../src/local/local-agentcore.ts', () => ({
  startLocalAgentCore: () => {
    begun('local');
    return Promise.reject(new BridgeError('closing', 'the options can be used'));
  },
}));

const settings = [...Object.values<Setting>(bridgeSettings), ...Object.values<Setting>(localSettings)];
const flags = settings
  .flatMap(({ flag, alias }) => [flag, alias ?? flag])
  .map((flag) => flag.split(' ')[0] ?? '');
const variables = settings.flatMap(({ env }) => env);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('\n', '\r', '\u001b[2J', '\u009b', '\ud800', '-', '=', '/', '\\', '{', 'a'),
    maxLength: 6,
  }),
  fc.constantFrom(
    '',
    '0',
    '1',
    '5m',
    '64KB',
    '/a=/b',
    'A=b',
    '{"a":1}',
    '{',
    '~',
    '../..',
    '__proto__',
    'constructor',
  ),
  fc.constantFrom(
    'kiro',
    'stop',
    'auto',
    'warn',
    'json',
    runtimeArn,
    'http://127.0.0.1:1',
    'ftp://me:secret@x',
    'eu-west-1',
  ),
  fc.constantFrom('9'.repeat(400), 'x'.repeat(100_000)),
);
const flag = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...flags) },
  fc.constantFrom(
    '--help',
    '-h',
    '--version',
    '-V',
    '--',
    '-',
    '---',
    '--=',
    '-abc',
    '--constructor',
    '--__proto__',
    '--no-thread',
  ),
);
const argument = fc.oneof(
  flag,
  text,
  fc.tuple(flag, text).map(([name, value]) => `${name}=${value}`),
  fc.constantFrom('local', 'ids', 'help', 'bridge'),
);
const argv = fc.oneof(
  fc.array(argument, { maxLength: 8 }),
  // Most of these get past the first look.
  fc
    .array(fc.oneof(fc.tuple(flag, text), fc.tuple(flag)), { maxLength: 4 })
    .map((pairs) => ['--runtime-arn', runtimeArn].concat(pairs.flat())),
);
const env = fc.dictionary(
  fc.constantFrom(...variables),
  text.filter((value) => !value.includes('\0')),
  { maxKeys: 3 },
);

const control = /[\u0000-\u001f\u007f-\u009f]/;

describe('any arguments', () => {
  test(
    verifies(
      ['cli.bad-input', 'cli.contract', 'cli.stdout'],
      'start a command, print what was asked for, or are refused in one line with exit code 2',
    ),
    async () => {
      const outcomes = { begun: 0, printed: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(argv, env, async (args, variables) => {
          begun.mockClear();
          const { code, stdout, stderr } = await run(args, variables);
          const message = /^agentcore-bridge: (.*)\n$/s.exec(stderr)?.[1] ?? '';
          expect(stderr).not.toMatch(/ at .*:\d+:\d+|defect/);
          if (begun.mock.calls.length > 0) {
            outcomes.begun += 1;
            expect(code).toBe(exitCodes.ended);
          } else if (code === exitCodes.ended) {
            outcomes.printed += 1;
            expect(stderr).toBe('');
            expect(stdout).toMatch(/^Usage: |^\d+\.\d+\.\d+\n$|^\{"runtimeSessionId":/);
          } else {
            outcomes.refused += 1;
            expect({ code, stdout }).toEqual({ code: exitCodes.usage, stdout: '' });
            expect(message).not.toBe('');
            expect(message).not.toMatch(control);
          }
        }),
        { numRuns: 400 },
      );
      // Each of the three came up.
      expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(2);
    },
  );

  test(
    verifies('cli.bad-input', 'of every flag, with every odd value, are accepted or refused in one line'),
    async () => {
      for (const name of flags) {
        for (const value of ['', '0', '-1', '{', '\n', '/', '\ud800', '9'.repeat(400)]) {
          const outcome = await run(['--runtime-arn', runtimeArn, `${name}=${value}`]);
          const isTaken = outcome.code === exitCodes.ended && outcome.stderr !== '';
          if (!isTaken) expect(outcome).toMatchObject({ code: exitCodes.usage, stdout: '' });
          expect(outcome.stderr).toMatch(/^agentcore-bridge: [^\n]+\n$/);
        }
      }
    },
  );

  test(verifies('cli.contract', 'behind -- are the agent’s, and never the bridge’s'), async () => {
    const agent = fc.array(argument, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(agent, async (words) => {
        begun.mockClear();
        const { code, stdout } = await run([
          '--runtime-arn',
          runtimeArn,
          '--',
          ...words.map((word) => word.replaceAll('\0', '')),
        ]);
        expect({ code, stdout, begun: begun.mock.calls }).toEqual({
          code: 0,
          stdout: '',
          begun: [['bridge']],
        });
      }),
      { numRuns: 200 },
    );
  });

  test(
    verifies(['cli.bad-input', 'cli.no-secrets'], 'that a flag does not accept are not repeated'),
    async () => {
      // What names a place is: it is what one has to look at.
      const named = new Set(['--runtime-arn', '--region']);
      const taking = Object.values<Setting>(bridgeSettings)
        .map(({ flag }) => flag.split(' '))
        .flatMap(([name = '', value]) => (value === undefined || named.has(name) ? [] : [name]));
      const secret = fc.tuple(text, text).map((around) => around.join('s3cr3t'));
      const refused = new Set<string>();
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...taking), secret, fc.boolean(), async (name, value, isJoined) => {
          const given = isJoined ? [`${name}=${value}`] : [name, value];
          const { code, stderr } = await run(['--runtime-arn', runtimeArn, ...given]);
          if (code === exitCodes.usage) refused.add(name);
          if (name !== '--endpoint-url') expect(stderr).not.toContain('s3cr3t');
        }),
        { numRuns: 300 },
      );
      expect(refused.size).toBeGreaterThan(5);
    },
  );

  test(
    verifies('cli.no-secrets', 'of an endpoint are repeated without user, password and query'),
    async () => {
      const part = fc.string({
        unit: fc.constantFrom('a', '1', '%', '.', '/', '\\', '\u001b'),
        maxLength: 8,
      });
      await fc.assert(
        fc.asyncProperty(
          part,
          part,
          fc.constantFrom('http', 'https', 'ftp', 'x'),
          async (before, behind, scheme) => {
            const urls = [
              `${scheme}://${before}:s3cr3t@host/${behind}`,
              `${scheme}://host/${behind}?${before}=s3cr3t`,
            ];
            for (const url of urls) {
              const { stderr } = await run(['--runtime-arn', runtimeArn, '--endpoint-url', url]);
              expect(stderr).not.toContain('s3cr3t');
              expect(stderr.slice(0, -1)).not.toMatch(control);
            }
          },
        ),
        { numRuns: 200 },
      );
    },
  );
});
