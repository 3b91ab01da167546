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
  test('returns what was written, byte for byte, also to a later process', () => {
    expect(cache().read('client')).toBeUndefined();
    cache().write('client', '{"first":"ä"}');
    expect(cache().read('client')).toBe('{"first":"ä"}');
    cache().write('client', text);
    expect(cache().read('client')).toBe(text);
    expect(readFileSync(fileOf(), 'utf8')).toBe(text);
  });

  test('has an entry for each runtime, endpoint and command', () => {
    cache().write('client', text);
    for (const other of [{ runtime: 'arn2' }, { qualifier: 'test' }, { command: 'agent --debug' }]) {
      expect(cache(other).read('client')).toBeUndefined();
    }
    expect(cache({ runtime: 'a', qualifier: 'rn' }).read('client')).toBeUndefined();
  });

  test('has an entry for each client', () => {
    cache().write('client', text);
    expect(cache().read('other')).toBeUndefined();
    cache().write('other', '{"second":1}');
    expect([cache().read('client'), cache().read('other')]).toEqual([text, '{"second":1}']);
  });

  test('can be read by its owner only', () => {
    cache().write('client', text);
    const modes = [join(home, '.cache'), inHome(), fileOf()].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700, 0o600]);
  });

  test('is in XDG_CACHE_HOME if that is an absolute path', () => {
    const xdg = join(home, 'xdg');
    cache({ env: { HOME: home, XDG_CACHE_HOME: xdg } }).write('client', text);
    expect(fileOf(join(xdg, 'agentcore-bridge'))).toContain(xdg);
    expect(cache().read('client')).toBeUndefined();
    cache({ env: { HOME: home, XDG_CACHE_HOME: 'xdg' } }).write('client', text);
    expect(cache().read('client')).toBe(text);
  });

  test.each([{}, { HOME: '' }, { HOME: 'relative' }])(
    'is not used, without an error, if the environment is %j',
    (env) => {
      const { log, read, write } = cache({ env });
      write('client', text);
      expect(read('client')).toBeUndefined();
      expect(log.messages).toEqual([expect.stringMatching(/^no place for a cache/)]);
    },
  );

  test('is not used, without an error, if a file has the name of its directory', () => {
    writeFileSync(join(home, '.cache'), '');
    const { log, write, read } = cache();
    write('client', text);
    expect(read('client')).toBeUndefined();
    expect(log.messages).toContain('the cache can not be written');
  });

  test('leaves no unfinished file behind', () => {
    cache().write('client', text);
    const file = fileOf();
    rmSync(file);
    // A directory in its place: the text is written, and can't be renamed.
    mkdirSync(join(file, 'in the way'), { recursive: true });
    const { log, write } = cache();
    write('client', text);
    expect(log.messages).toContain('the cache can not be written');
    expect(readdirSync(inHome())).toHaveLength(1);
  });

  test.each(['', '{"half":', 'null', '[]', '"text"', `{"a":"${'x'.repeat(1024 * 1024)}"}`])(
    'takes a damaged or oversized file for none, and replaces it',
    (damaged) => {
      cache().write('client', text);
      writeFileSync(fileOf(), damaged);
      const { log, read, write } = cache();
      expect(read('client')).toBeUndefined();
      expect(log.messages).toEqual(['the cache can not be read']);
      write('client', text);
      expect(read('client')).toBe(text);
    },
  );

  test.each(['', 'text', '[]', `{"a":"${'ä'.repeat(512 * 1024)}"}`])(
    'keeps the last text where the next one is damaged or oversized',
    (damaged) => {
      cache().write('client', text);
      cache().write('client', damaged);
      expect(cache().read('client')).toBe(text);
      expect(fileOf()).toBeDefined();
    },
  );

  test('does not write what is there already', () => {
    cache().write('client', text);
    const before = statSync(fileOf()).ino;
    cache().write('client', text);
    expect(statSync(fileOf()).ino).toBe(before);
    cache().write('client', '{}');
    expect(statSync(fileOf()).ino).not.toBe(before);
  });
});
