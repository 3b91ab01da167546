import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkpointLine,
  noteLine,
  parseEndRecord,
  parseExitRecord,
  parseHostRecord,
} from '../../../src/agent/host/records.ts';
import { verifies } from '../../requirements.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const checksum = 'c0ffee'.padEnd(40, '0');
const begin = `\u001eacb me-2 begin e1 live 10 20 ${checksum} 5:1,3 /home/a b`;

describe('a record of the host', () => {
  test('of an attach tells where both sides are', () => {
    expect(parseHostRecord(bytes(begin), 'me-2')).toEqual({
      is: 'begin',
      epoch: 'e1',
      isLive: true,
      inSize: 10,
      outOffset: 20,
      checksum,
      checkpoint: { delivered: 5, open: [1, 3] },
      cwd: '/home/a b',
    });
  });

  test('with more open requests than any client has, or with no offsets in them, is not believed in that', () => {
    for (const checkpoint of [
      `5:${Array.from({ length: 200_000 }, () => 1).join(',')}`,
      `${'9'.repeat(400)}:`,
    ]) {
      const record = parseHostRecord(bytes(begin.replace('5:1,3', checkpoint)), 'me-2');
      expect(record).toMatchObject({ is: 'begin', checkpoint: undefined });
    }
  });

  test('leaves out what the host does not know', () => {
    const record = parseHostRecord(bytes('\u001eacb me-2 begin e1 dead 0 0 - - /\r'), 'me-2');
    expect(record).toEqual({
      is: 'begin',
      epoch: 'e1',
      isLive: false,
      inSize: 0,
      outOffset: 0,
      checksum: undefined,
      checkpoint: undefined,
      cwd: '/',
    });
  });

  test('counts behind a prompt, too', () => {
    expect(parseHostRecord(bytes('bash-5.2$ \u001eacb me-2 need'), 'me-2')).toEqual({ is: 'need' });
    expect(parseHostRecord(bytes('\u001eacb me-2 fail cwd /a b'), 'me-2')).toEqual({
      is: 'fail',
      what: 'cwd /a b',
    });
  });

  test('tells what earlier bridges left, and whether the agent is kept', () => {
    const read = (text: string): unknown => parseHostRecord(bytes(`\u001eacb me-2 ${text}`), 'me-2');
    expect(read('note agent w6k=')).toEqual({ is: 'note', kind: 'agent', text: 'é' });
    expect(read('keeping no-mount')).toEqual({ is: 'keeping', keeping: 'no-mount' });
    expect(read('saved full')).toEqual({ is: 'saved', result: 'full' });
    for (const other of ['note', 'note other w6k=', 'keeping', 'keeping it', 'saved', 'saved it']) {
      expect(read(other)).toBeUndefined();
    }
  });

  test(verifies('host.epoch', 'with the nonce of another attach is none'), () => {
    for (const nonce of ['me-1', 'me-22', 'me', '']) {
      expect(parseHostRecord(bytes(begin), nonce)).toBeUndefined();
    }
  });

  test('that lost a part of it is none', () => {
    fc.assert(
      fc.property(fc.nat(begin.length - ' /home/a b'.length), (length) => {
        expect(parseHostRecord(bytes(begin.slice(0, length)), 'me-2')).toBeUndefined();
      }),
    );
    for (const broken of ['x', '-1', '1e400', '']) {
      expect(parseHostRecord(bytes(begin.replace(' 10 ', ` ${broken} `)), 'me-2')).toBeUndefined();
    }
  });

  test('of the end tells which attach has ended', () => {
    expect(parseEndRecord(bytes('^C\u001eacb me-1 end\r'))).toBe('me-1');
    expect(parseEndRecord(bytes('acb me-1 end'))).toBeUndefined();
    expect(parseEndRecord(bytes('\u001eacb me-1 need'))).toBeUndefined();
  });
});

describe('an exit', () => {
  test('tells the status and the end of stderr', () => {
    const stderr = 'é went wrong\n';
    const line = bytes(`\u001eexit e1 139 ${Buffer.from(stderr).toString('base64')}`);
    expect(parseExitRecord(line, 'e1')).toEqual({ epoch: 'e1', code: 139, stderr });
    expect(parseExitRecord(bytes('\u001eexit e1 0 -'), 'e1')).toEqual({ epoch: 'e1', code: 0, stderr: '' });
  });

  test(verifies('host.epoch', 'of another epoch is none'), () => {
    expect(parseExitRecord(bytes('\u001eexit e2 0 -'), 'e1')).toBeUndefined();
  });
});

describe('a note', () => {
  test('is a line that the agent is spared, whatever it says', () => {
    const line = Buffer.from(noteLine('thread', '\u001e\u0003\n;')).toString();
    expect(line).toBe('\u001enote thread HgMKOw==;\n');
  });
});

describe('a checkpoint', () => {
  test('is a line that the agent is spared', () => {
    expect(Buffer.from(checkpointLine({ delivered: 9, open: [] })).toString()).toBe('\u001eack 9:;\n');
    expect(Buffer.from(checkpointLine({ delivered: 9, open: [2, 4] })).toString()).toBe('\u001eack 9:2,4;\n');
  });
});
