import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  type AttachRequest,
  bootstrapLine,
  maxBootstrapBytes,
  startPayload,
} from '../../../src/agent/host/scripts.ts';
import { verifies } from '../../requirements.ts';

const longest: AttachRequest = {
  // The longest id that the service takes for a shell.
  name: 'x'.repeat(128),
  nonce: `${'f'.repeat(12)}-${Number.MAX_SAFE_INTEGER}`,
  epoch: 'e'.repeat(12),
  outOffset: Number.MAX_SAFE_INTEGER,
  inAcknowledged: Number.MAX_SAFE_INTEGER,
  outFree: Number.MAX_SAFE_INTEGER,
  inFree: Number.MAX_SAFE_INTEGER,
  replace: 'e'.repeat(12),
  save: 'rest',
  saveMs: 999_999,
};
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Throws where bash can't parse this. */
const parse = (script: string): Buffer => execFileSync('/bin/bash', ['-n'], { input: script });

describe('the bootstrap line', () => {
  test(
    verifies('host.bootstrap-size', 'fits a terminal in canonical mode with the longest parameters'),
    () => {
      expect(bootstrapLine(longest).length).toBeLessThanOrEqual(maxBootstrapBytes);
    },
  );

  test('is one line of printable ASCII without history expansion, and no word of history', () => {
    expect(text(bootstrapLine(longest))).toMatch(/^ [\x20\x22-\x7e]*\n$/);
  });

  test('is a command of bash, also without what the idle host cuts off', () => {
    const line = text(bootstrapLine({ ...longest, epoch: undefined, replace: undefined }));
    parse(line);
    const [, marked = ''] = /^ """"(.*\n)$/.exec(line) ?? [];
    expect(marked).toMatch(/^unset HISTFILE; /);
    parse(marked);
  });

  test('says "-" for an epoch that is not known, and for none to replace', () => {
    const line = text(
      bootstrapLine({
        ...longest,
        epoch: undefined,
        replace: undefined,
        save: undefined,
        saveMs: 0,
        outFree: 0,
        inFree: 0,
      }),
    );
    expect(line).toContain(` agent-host ${longest.name} ${longest.nonce} - ${longest.outOffset}`);
    expect(line).toMatch(/ 0 - - 0 0\n$/);
  });
});

describe('the payload that starts an agent', () => {
  const payload = text(
    startPayload({
      epoch: 'e1',
      command: "agent --say 'a\nb'",
      cwd: undefined,
      persist: ["it's\n", '-x'],
      persistTo: undefined,
      workspaceTimeoutMs: 60_000,
      env: { TOKEN: 'a\u0003\u001eb', EMPTY: '' },
    }),
  );

  test(
    verifies('host.hostile-values', 'holds one RS, in front, and one NUL, at the end, whatever the values'),
    () => {
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      expect(payload).toMatch(/^\u001e[\n\x20-\x7e]*\0$/);
    },
  );

  test('is a script of bash', () => {
    parse(payload.slice(1, -1));
  });
});
