import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { capabilityCache } from '../../src/cli/capability-cache.ts';
import { recordingLog } from '../local/recording-log.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cache-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const text = '{"agentCapabilities":{"loadSession":true},"big":12345678901234567890}';
const inHome = (): string => join(home, '.cache', 'agentcore-bridge');

function cache(options: Partial<Parameters<typeof capabilityCache>[0]> = {}) {
  const log = recordingLog();
  const key = { runtime: 'arn', qualifier: 'DEFAULT', command: 'agent' };
  return { log, ...capabilityCache({ ...key, env: { HOME: home }, log, ...options }) };
}

/** The one file that there is. */
function fileOf(directory = inHome()): string {
  const names = readdirSync(directory);
  expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.json$/)]);
  return join(directory, names[0] ?? '');
}

describe('the cache of what agents say', () => {
  test('gives back what was written, byte for byte, to whoever asks later', () => {
    expect(cache().read()).toBeUndefined();
    cache().write('{"first":"ä"}');
    expect(cache().read()).toBe('{"first":"ä"}');
    cache().write(text);
    expect(cache().read()).toBe(text);
    expect(readFileSync(fileOf(), 'utf8')).toBe(text);
  });

  test('is another one for another runtime, endpoint or command', () => {
    cache().write(text);
    for (const other of [{ runtime: 'arn2' }, { qualifier: 'test' }, { command: 'agent --debug' }]) {
      expect(cache(other).read()).toBeUndefined();
    }
    expect(cache({ runtime: 'a', qualifier: 'rn' }).read()).toBeUndefined();
  });

  test('is for its owner alone', () => {
    cache().write(text);
    const modes = [join(home, '.cache'), inHome(), fileOf()].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700, 0o600]);
  });

  test('lies in XDG_CACHE_HOME where that is an absolute path', () => {
    const xdg = join(home, 'xdg');
    cache({ env: { HOME: home, XDG_CACHE_HOME: xdg } }).write(text);
    expect(fileOf(join(xdg, 'agentcore-bridge'))).toContain(xdg);
    expect(cache().read()).toBeUndefined();
    cache({ env: { HOME: home, XDG_CACHE_HOME: 'xdg' } }).write(text);
    expect(cache().read()).toBe(text);
  });

  test.each([{}, { HOME: '' }, { HOME: 'relative' }])(
    'is none, and no error, where the environment is %j',
    (env) => {
      const { log, read, write } = cache({ env });
      write(text);
      expect(read()).toBeUndefined();
      expect(log.messages).toEqual([expect.stringMatching(/^no place for a cache/)]);
    },
  );

  test('is none, and no error, where a file is in the way of its directory', () => {
    writeFileSync(join(home, '.cache'), '');
    const { log, write, read } = cache();
    write(text);
    expect(read()).toBeUndefined();
    expect(log.messages).toContain('the cache can not be written');
  });

  test('leaves nothing unfinished behind', () => {
    cache().write(text);
    const file = fileOf();
    rmSync(file);
    // A directory in its place: the text is written, and can't be renamed.
    mkdirSync(join(file, 'in the way'), { recursive: true });
    const { log, write } = cache();
    write(text);
    expect(log.messages).toContain('the cache can not be written');
    expect(readdirSync(inHome())).toHaveLength(1);
  });

  test.each(['', '{"half":', 'null', '[]', '"text"', `{"a":"${'x'.repeat(1024 * 1024)}"}`])(
    'takes a damaged or oversized file for none, and replaces it',
    (damaged) => {
      cache().write(text);
      writeFileSync(fileOf(), damaged);
      const { log, read, write } = cache();
      expect(read()).toBeUndefined();
      expect(log.messages).toEqual(['the cache can not be read']);
      write(text);
      expect(read()).toBe(text);
    },
  );

  test.each(['', 'text', '[]', `{"a":"${'ä'.repeat(512 * 1024)}"}`])(
    'keeps the last text where the next one is damaged or oversized',
    (damaged) => {
      cache().write(text);
      cache().write(damaged);
      expect(cache().read()).toBe(text);
      expect(fileOf()).toBeDefined();
    },
  );

  test('does not write what is there already', () => {
    cache().write(text);
    const before = statSync(fileOf()).ino;
    cache().write(text);
    expect(statSync(fileOf()).ino).toBe(before);
    cache().write('{}');
    expect(statSync(fileOf()).ino).not.toBe(before);
  });
});
