import { Command } from 'commander';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addFlags, givenFlags } from '../../src/cli/flags.ts';
import { plainFlags } from '../../src/cli/plain-flags.ts';
import { bridgeSettings, type Setting } from '../../src/config/settings.ts';

/** What commander makes of a line, undefined where it ends in anything but an ordinary start. */
function byCommander(argv: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const command = new Command().exitOverride().configureOutput({ writeOut: ignore, writeErr: ignore });
  addFlags(command, bridgeSettings);
  try {
    command.parse(argv, { from: 'user' });
  } catch {
    return undefined;
  }
  return command.args.length > 0 ? undefined : givenFlags(command, bridgeSettings);
}

function ignore(): void {
  // Nobody reads what it prints.
}

const names = Object.values<Setting>(bridgeSettings).flatMap(({ flag, alias = flag }) => [flag, alias]);
const word = fc.constantFrom('value', '', '--', '-x', '--help', '--thread', '=', 'a=b', 'local');
const flag = fc.constantFrom(...names).map((name) => name.split(' ')[0] ?? '');
const line = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.tuple(flag, word) },
    flag.map((each) => [each]),
    fc.tuple(flag, word).map(([each, value]) => [`${each}=${value}`]),
    word.map((each) => [each]),
  ),
  { maxLength: 5 },
);

describe('a command line of flags only', () => {
  test('is read as commander reads it, or left to commander', () => {
    let plain = 0;
    fc.assert(
      fc.property(line, (pieces) => {
        const argv = pieces.flat();
        // The rest of a line behind this word is the agent's, and reaches neither.
        fc.pre(!argv.includes('--'));
        const given = plainFlags(argv, bridgeSettings);
        if (given === undefined) return;
        plain += 1;
        expect(given).toEqual(byCommander(argv));
      }),
      { numRuns: 3000 },
    );
    expect(plain).toBeGreaterThan(100);
  });

  test('needs no commander in the usual ways to start a bridge', () => {
    expect(plainFlags([], bridgeSettings)).toEqual({});
    const argv = ['--runtime-arn', 'arn', '--agent=claude', '--env', 'A=1', '--env', 'B=2', '--no-progress'];
    expect(plainFlags(argv, bridgeSettings)).toEqual({
      runtimeArn: 'arn',
      agent: 'claude',
      env: ['A=1', 'B=2'],
      progress: true,
    });
  });

  test('that asks for help, names a command, or is wrong is left to commander', () => {
    for (const argv of [['--help'], ['ids'], ['--thread'], ['--client-fs=1'], ['--nothing', '1'], ['-V']]) {
      expect(plainFlags(argv, bridgeSettings)).toBeUndefined();
    }
  });
});
