import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { agents } from '../src/config/agents.ts';
import { bridgeSettings, localSettings, type Setting, type Settings } from '../src/config/settings.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The rows of the table under a heading: the text of each cell. */
function tableUnder(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = readme.split(`\n## ${heading}\n`);
  const rows = section.split('\n## ')[0]?.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands in backquotes. */
function codes(cell = ''): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

const nameOf = (flag = ''): string => flag.split(' ')[0] ?? '';
const namesOf = (settings: Settings): readonly string[] =>
  Object.values(settings).map(({ flag }) => nameOf(flag));

describe('the README', () => {
  test('names the flags of the bridge in their order, with their variables', () => {
    const rows = tableUnder('Options').map(([flag, variables]) => [nameOf(codes(flag)[0]), codes(variables)]);
    const settings = Object.values<Setting>(bridgeSettings);
    expect(rows).toEqual(settings.map(({ flag, env }) => [nameOf(flag), [...env]]));
  });

  test('names the flags of the local AgentCore', () => {
    const flags = tableUnder('A local AgentCore').map(([flag]) => nameOf(codes(flag)[0]));
    expect(flags).toEqual(namesOf(localSettings));
  });

  test('names the agents with their commands and the paths that are saved', () => {
    const rows = tableUnder('Agents').map(([name, says, command, kept]) => ({
      name: codes(name),
      says,
      command: codes(command),
      persist: codes(kept),
    }));
    expect(rows).toEqual(
      Object.entries(agents).map(([name, { says, command, persist }]) => ({
        name: [name],
        says,
        command: [command],
        persist,
      })),
    );
  });

  test('has examples in JSON that can be pasted', () => {
    const blocks = [...readme.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) => json);
    expect(blocks).toHaveLength(2);
    for (const json of blocks) expect(() => void JSON.parse(json)).not.toThrow();
  });

  test('names every exit code', () => {
    expect(tableUnder('Exit codes').map(([code]) => Number(code))).toEqual(Object.values(exitCodes));
  });

  test('names no message that the program does not have', () => {
    const sources = globSync('{src,bin}/**/*.{ts,js}', { cwd: root }).map((file) =>
      readFileSync(join(root, file), 'utf8'),
    );
    const said = sources.join('\n').toLowerCase();
    const messages = tableUnder('Troubleshooting').flatMap(([message]) => codes(message));
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((message) => !said.includes(message.toLowerCase()))).toEqual([]);
  });
});
