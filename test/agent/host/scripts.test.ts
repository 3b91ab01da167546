import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  type AttachRequest,
  bootstrapLines,
  maxLineBytes,
  startPayload,
} from '../../../src/agent/host/scripts.ts';
import { verifies } from '../../requirements.ts';

const longest: AttachRequest = {
  // The longest id that the service takes for a shell.
  name: 'x'.repeat(128),
  nonce: `${'f'.repeat(12)}-${Number.MAX_SAFE_INTEGER}`,
  attempt: 4,
  key: 2 ** 31 - 1,
  epoch: 'e'.repeat(12),
  outOffset: Number.MAX_SAFE_INTEGER,
  outFree: Number.MAX_SAFE_INTEGER,
  inFree: Number.MAX_SAFE_INTEGER,
  replace: 'e'.repeat(12),
  save: 'rest',
  saveMs: 999_999,
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Throws where bash can't parse this. */
const parse = (script: string): Buffer => execFileSync('/bin/bash', ['-n'], { input: script });

/** What the lines are: an empty one, the shell's, the host's. */
function linesOf(request: AttachRequest): [string, string] {
  const [empty, toBash = '', host = '', rest, ...more] = text(bootstrapLines(request)).split('\n');
  expect([empty, rest, more]).toEqual(['', '', []]);
  return [toBash, host];
}

describe('the lines that bring the host', () => {
  test(
    verifies('host.bootstrap-size', 'fit a terminal in canonical mode with the longest parameters'),
    () => {
      const [toBash, host] = linesOf(longest);
      // What the line editor of busybox takes.
      expect(toBash.length).toBeLessThan(1000);
      expect(bootstrapLines(longest).length).toBeLessThanOrEqual(maxLineBytes);
      expect(host).toMatch(new RegExp(` ${longest.name} ${longest.nonce}\\.4 `));
    },
  );

  test('are printable ASCII without history expansion, and no words of history', () => {
    for (const line of linesOf(longest)) expect(line).toMatch(/^ [\x20\x22-\x7e]*$/);
  });

  test('are commands: the first one for any POSIX shell, the second one for bash', () => {
    const [toBash, host] = linesOf({ ...longest, epoch: undefined, replace: undefined });
    for (const shell of ['/bin/sh', '/bin/bash']) execFileSync(shell, ['-n'], { input: toBash });
    parse(host);
    const [, length, command = ''] = /^ """": (\d+);(.*)$/.exec(host) ?? [];
    expect(command).toHaveLength(Number(length));
    parse(command);
  });

  test('have "-" for an unknown epoch, and if none is to be replaced', () => {
    const [, host] = linesOf({
      ...longest,
      epoch: undefined,
      replace: undefined,
      save: undefined,
      saveMs: 0,
      outFree: 0,
      inFree: 0,
    });
    expect(host).toContain(
      ` agent-host ${longest.name} ${longest.nonce}.4 - ${longest.outOffset} 0 - - 0 0 `,
    );
  });
});

describe('the payload that starts an agent', () => {
  const payload = text(
    startPayload(
      {
        epoch: 'e1',
        command: "agent --say 'a\nb'",
        cwd: undefined,
        persist: ["it's\n", '-x'],
        persistTo: undefined,
        workspaceTimeoutMs: 60_000,
        env: { TOKEN: 'a\u0003\u001eb', EMPTY: '' },
      },
      'me-1',
    ),
  );
  const [, length, command = ''] = /^\n\u001eme-1: (\d+);(.*)\n$/s.exec(payload) ?? [];

  test(verifies('host.hostile-values', 'is one line of printable ASCII, whatever the values'), () => {
    expect(command).toMatch(/^[\x20-\x7e]+$/);
    expect(command).toHaveLength(Number(length));
  });

  test('is a bash script', () => {
    parse(command);
  });
});
