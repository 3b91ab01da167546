import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkpointLine,
  noteLine,
  noteText,
  parseExitRecord,
  parseHostRecord,
  parseSizeReport,
  questionLine,
} from '../../../src/agent/host/records.ts';
import { verifies } from '../../requirements.ts';
import { recordOf } from '../scripted-shell.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const read = (what: string): unknown =>
  parseHostRecord(bytes(recordOf('me-2.1', 3, what).slice(0, -1)))?.record;
const begin = 'begin abcdef01 live 10 20 5:1,3 perl /home/é b';

describe('a record of the host', () => {
  test('tells the state of both sides', () => {
    expect(parseHostRecord(bytes(recordOf('me-2.1', 3, begin).slice(0, -1)))).toEqual({
      nonce: 'me-2',
      attempt: 1,
      number: 3,
      record: {
        is: 'begin',
        epoch: 'abcdef01',
        isLive: true,
        inSize: 10,
        outOffset: 20,
        checkpoint: { delivered: 5, open: [1, 3] },
        engine: 'perl',
        cwd: '/home/é b',
      },
    });
  });

  test('leaves out what the host does not know, and too many open requests', () => {
    expect(read('begin abcdef01 dead 0 0 - awk /')).toMatchObject({ isLive: false, checkpoint: undefined });
    const open = Array.from({ length: 10_001 }, (_, n) => n).join(',');
    expect(read(`begin abcdef01 dead 0 0 9:${open} awk /`)).toMatchObject({ checkpoint: undefined });
  });

  test('is found behind a prompt, and in front of a carriage return', () => {
    const line = bytes(`bash-5.2$ ${recordOf('me-2.1', 0, 'need').slice(0, -1)}\r`);
    expect(parseHostRecord(line)).toMatchObject({ number: 0, record: { is: 'need' } });
    expect(read('fail cwd /a b')).toEqual({ is: 'fail', what: 'cwd /a b' });
  });

  test('tells what earlier bridges left, and what the microVM provides', () => {
    expect(read('note agent w6k=')).toEqual({ is: 'note', kind: 'agent', piece: 'w6k=' });
    expect(noteText('w6k=')).toBe('é');
    expect(read('keeping no-mount')).toEqual({ is: 'keeping', keeping: 'no-mount' });
    expect(read('environment none')).toEqual({ is: 'environment', environment: 'none' });
    expect(read('saved full')).toEqual({ is: 'saved', result: 'full' });
    for (const other of ['note', 'note other w6k=', 'keeping', 'keeping it', 'saved', 'saved it', 'what']) {
      expect(read(other)).toBeUndefined();
    }
  });

  test(verifies('host.epoch', 'is not accepted with any part of it lost'), () => {
    const whole = recordOf('me-2.1', 3, begin).slice(0, -1);
    fc.assert(
      fc.property(fc.nat(whole.length), fc.integer({ min: 1, max: 20 }), (at, count) => {
        const cut = whole.slice(0, at) + whole.slice(at + count);
        const record = parseHostRecord(bytes(cut));
        // Of the number that names the attempt, or the nonce, a part may be lost: then it is another's.
        if (record === undefined || cut === whole) return;
        expect([record.nonce, record.attempt]).not.toEqual(['me-2', 1]);
      }),
      { numRuns: 2000 },
    );
  });

  test('is not accepted with offsets that are no safe integers', () => {
    for (const broken of ['x', '-1', '1e400', '', '9'.repeat(16)]) {
      expect(read(begin.replace(' 10 ', ` ${broken} `))).toBeUndefined();
    }
  });
});

describe('a report of sizes', () => {
  test('answers a question, or tells where input is missing', () => {
    expect(parseSizeReport(bytes('=me-2.7 10 20 30'))).toEqual({
      is: 'answer',
      about: 'me-2.7',
      inSize: 10,
      outSize: 20,
    });
    expect(parseSizeReport(bytes('!me-2 10 20 30'))).toMatchObject({ is: 'missing', about: 'me-2' });
    expect(Buffer.from(questionLine('me-2.7')).toString()).toBe('?me-2.7\n');
  });

  test('of which a part was lost is not accepted', () => {
    const whole = '=me-2.7 123456 98765 222221';
    for (let at = 8; at < whole.length; at += 1) {
      for (let count = 1; at + count <= whole.length; count += 1) {
        expect(parseSizeReport(bytes(whole.slice(0, at) + whole.slice(at + count)))).toBeUndefined();
      }
    }
  });
});

describe('an exit', () => {
  test('has the status and the end of stderr', () => {
    const stderr = 'é went wrong\n';
    const payload = bytes(`exit 139 ${Buffer.from(stderr).toString('base64')}`);
    expect(parseExitRecord(payload)).toEqual({ code: 139, stderr });
    expect(parseExitRecord(bytes('exit 0 -'))).toEqual({ code: 0, stderr: '' });
    expect(parseExitRecord(bytes('left 0 -'))).toBeUndefined();
  });
});

describe('a note', () => {
  test('is a line that the host withholds from the agent, whatever it says', () => {
    const line = Buffer.from(noteLine('thread', '\u001e\u0003\n;')).toString();
    expect(line).toBe('\u001enote thread HgMKOw==;\n');
  });
});

describe('a checkpoint', () => {
  test('is a line that the host withholds from the agent', () => {
    expect(Buffer.from(checkpointLine({ delivered: 9, open: [] })).toString()).toBe('\u001eack 9:;\n');
    expect(Buffer.from(checkpointLine({ delivered: 9, open: [2, 4] })).toString()).toBe('\u001eack 9:2,4;\n');
  });
});
