import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sessionMemory } from '../../src/cli/session-memory.ts';
import { recordingLog } from '../local/recording-log.ts';
import { verifies } from '../requirements.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'state-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

/** As a process of its own has it. */
function memory(options: Partial<Parameters<typeof sessionMemory>[0]> = {}) {
  const log = recordingLog();
  const key = { runtime: 'arn', qualifier: 'DEFAULT', command: 'agent' };
  return { log, ...sessionMemory({ ...key, env: { HOME: home }, log, ...options }) };
}
const inHome = (): string => join(home, '.local', 'state', 'agentcore-bridge');
const session = (sessionId: string, cwd = '/home/me'): { sessionId: string; cwd: string } => ({
  sessionId,
  cwd,
});

function fileOf(directory = inHome()): string {
  const names = readdirSync(directory);
  expect(names).toEqual([expect.stringMatching(/^sessions-[0-9a-f]{16}\.jsonl$/)]);
  return join(directory, names[0] ?? '');
}

describe('the list of sessions on this machine', () => {
  test(
    verifies('acp.session-list', 'tells other processes the sessions of each thread, the latest first'),
    () => {
      expect(memory().recall()).toEqual(new Map());
      const [one, two] = [memory(), memory()];
      one.remember('a', [session('a1')]);
      two.remember('b', [session('b1', '/é')]);
      one.remember('a', [session('a2'), session('a1')]);
      two.remember('c', [session('c1')]);
      two.remember('c', []);
      expect([...memory().recall()]).toEqual([
        ['c', []],
        ['a', [session('a2'), session('a1')]],
        ['b', [session('b1', '/é')]],
      ]);
      expect(memory({ runtime: 'another' }).recall()).toEqual(new Map());
    },
  );

  test('is written when something has changed, and can be read by its owner only', () => {
    const it = memory();
    it.remember('none', []);
    expect(existsSync(inHome())).toBe(false);
    it.remember('a', [session('a')]);
    const { size } = statSync(fileOf());
    it.remember('a', [session('a')]);
    expect(statSync(fileOf()).size).toBe(size);
    expect([inHome(), fileOf()].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600]);
  });

  test('stays small, and keeps the latest threads', () => {
    const it = memory();
    for (let n = 0; n < 3000; n += 1) it.remember(`k${n}`, [session(`acb-${n}`.padEnd(200, 'x'))]);
    expect(statSync(fileOf()).size).toBeLessThanOrEqual(256 * 1024);
    const keys = [...memory().recall().keys()];
    expect(keys.length).toBeGreaterThan(400);
    expect(keys).toEqual(Array.from({ length: keys.length }, (_, n) => `k${2999 - n}`));
  });

  test('ignores lines that are damaged', () => {
    memory().remember('a', [session('a')]);
    appendFileSync(fileOf(), '{"key":"a","sessions":[{"sessionId":1}]}\nnull\n{"key":"b"');
    expect([...memory().recall().keys()]).toEqual(['a']);
    writeFileSync(fileOf(), Buffer.from([0xff, 0xfe]));
    expect(memory().recall()).toEqual(new Map());
  });

  test('is in XDG_STATE_HOME if that is an absolute path', () => {
    const xdg = join(home, 'xdg');
    memory({ env: { HOME: home, XDG_STATE_HOME: xdg } }).remember('a', [session('a')]);
    expect(readFileSync(fileOf(join(xdg, 'agentcore-bridge')), 'utf8')).toContain('"a"');
    expect(memory({ env: { HOME: home, XDG_STATE_HOME: 'xdg' } }).recall()).toEqual(new Map());
  });

  test.each([{}, { HOME: 'relative' }, { HOME: '/dev/null' }])(
    'is not used, without an error, if there is no place for it: %j',
    (env) => {
      const it = memory({ env });
      expect(it.isKept()).toBe(false);
      it.remember('a', [session('a')]);
      expect(it.recall()).toEqual(new Map());
    },
  );

  test('is stored if there is a place for it', () => {
    expect(memory().isKept()).toBe(true);
  });
});
