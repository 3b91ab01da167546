import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Handshake } from '../../../src/agent/host/handshake.ts';
import { recordOf } from '../scripted-shell.ts';

const epoch = 'abcdef01';
const begun = `begin ${epoch} live 0 0 - perl /root`;

/** A handshake, and what went between it and the PTY. */
function start({ isNew = false, mayStart = true, saveMs = 0 } = {}) {
  const heard: string[] = [];
  const written: string[] = [];
  const told: unknown[] = [];
  let nonces = 0;
  let records = 0;
  const handshake = new Handshake({
    write: (bytes) => {
      const text = Buffer.from(bytes).toString();
      const attempt = /\n """": .* agent-host \S+ (\S+) /.exec(text)?.[1];
      if (attempt !== undefined) records = 0;
      written.push(
        text.startsWith('\u0003') ? 'interrupt' : attempt === undefined ? 'payload' : `attach ${attempt}`,
      );
    },
    name: () => ({ nonce: `me-${(nonces += 1)}`, key: 5 }),
    isNew: () => isNew,
    mayStart: () => mayStart,
    request: () => ({
      name: 'thread',
      epoch: isNew ? undefined : epoch,
      outOffset: 0,
      outFree: 0,
      inFree: 0,
      replace: undefined,
      save: undefined,
      saveMs,
    }),
    start: () => ({
      epoch,
      command: 'agent',
      cwd: undefined,
      env: {},
      persist: [],
      persistTo: undefined,
      workspaceTimeoutMs: 60_000,
    }),
    onBegin: ({ record, hasStarted, nonce, key }, rest) => {
      const { notes, keeping, environment, saved } = record;
      told.push({ notes, keeping, environment, saved });
      expect([nonce, key]).toEqual([`me-${nonces}`, 5]);
      heard.push(
        `begin ${record.epoch}${hasStarted ? ' started' : ''} ${Buffer.from(rest).toString()}`.trim(),
      );
    },
    onTaken: () => heard.push('taken'),
    onDeclined: () => heard.push('declined'),
    onFail: (what) => heard.push(`fail ${what}`),
    onSilence: () => heard.push('silence'),
  });
  const hear = (text: string): void => handshake.onOutput(Buffer.from(text));
  /** What the host says to the last attempt, as its next record. */
  const say = (what: string): void => {
    const attempt = written.findLast((each) => each.startsWith('attach'))?.slice('attach '.length) ?? '';
    const number = records;
    records += 1;
    hear(recordOf(attempt, number, what));
  };
  return { handshake, heard, told, written, hear, say };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left).toBe(0);
});

describe('a handshake', () => {
  test('asks as soon as the connection is open, without waiting for anything', () => {
    const { handshake, heard, written, say } = start();
    handshake.begin();
    expect(written).toEqual(['attach me-1.1']);
    say(begun);
    expect(heard).toEqual([`begin ${epoch}`]);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('asks again after 1, 2, 4, 8 and 16 s, with an interrupt from the fourth attempt on, and then reports silence', () => {
    const { handshake, heard, written } = start();
    handshake.begin();
    const asked: [number, string][] = [];
    for (let ms = 0; ms < 40_000; ms += 500) {
      for (const each of written.splice(0)) asked.push([ms, each]);
      vi.advanceTimersByTime(500);
    }
    expect(asked).toEqual([
      [0, 'attach me-1.1'],
      [1000, 'attach me-1.2'],
      [2000, 'attach me-1.3'],
      [4000, 'interrupt'],
      [4000, 'attach me-1.4'],
      [8000, 'interrupt'],
      [8000, 'attach me-1.5'],
      [16_000, 'interrupt'],
      [16_000, 'attach me-1.6'],
    ]);
    expect(heard).toEqual(['silence']);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('accepts a late answer to an earlier attempt', () => {
    const { handshake, heard, hear } = start();
    handshake.begin();
    vi.advanceTimersByTime(1500);
    hear(recordOf('me-1.1', 0, begun));
    expect(heard).toEqual([`begin ${epoch}`]);
  });

  test('passes on what the host says of earlier bridges and of the microVM, in pieces', () => {
    const { handshake, told, say } = start({ isNew: true });
    const base64 = Buffer.from('x'.repeat(100_000)).toString('base64');
    handshake.begin();
    for (let at = 0; at < base64.length; at += 3000) say(`note thread ${base64.slice(at, at + 3000)}`);
    say('keeping no-tar');
    say('environment none');
    say('saved full');
    say(begun);
    expect(told).toEqual([
      {
        notes: { agent: undefined, thread: 'x'.repeat(100_000) },
        keeping: 'no-tar',
        environment: 'none',
        saved: 'full',
      },
    ]);
  });

  test('does not succeed if an earlier record is missing, and asks again', () => {
    const { handshake, heard, told, written, hear, say } = start({ isNew: true });
    handshake.begin();
    hear(recordOf('me-1.1', 0, 'note thread eA=='));
    hear(recordOf('me-1.1', 2, begun));
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(written).toEqual(['attach me-1.1', 'attach me-1.2']);
    say('note thread eQ==');
    say(begun);
    expect(told).toMatchObject([{ notes: { thread: 'y' } }]);
  });

  test('counts a record once if it comes twice, and not if it is cut', () => {
    const { handshake, heard, hear } = start({ isNew: true });
    handshake.begin();
    hear(recordOf('me-1.1', 0, 'keeping kept').repeat(2));
    hear(recordOf('me-1.1', 1, begun).replace('live', 'liv'));
    hear(recordOf('me-1.1', 1, begun).replace(/1\n$/, '\n'));
    expect(heard).toEqual([]);
    hear(recordOf('me-1.1', 1, begun));
    expect(heard).toEqual([`begin ${epoch}`]);
  });

  test('waits longer for an answer if the host is to save first', () => {
    const { handshake, written } = start({ saveMs: 5000 });
    handshake.begin();
    vi.advanceTimersByTime(5999);
    expect(written).toHaveLength(1);
    handshake.stop();
  });

  test('tells a host that needs it how to start the agent, and waits longer once that has arrived', () => {
    const { handshake, heard, written, say } = start({ isNew: true });
    handshake.begin();
    say('need');
    expect(written).toEqual(['attach me-1.1', 'payload']);
    say('starting');
    say('storage');
    vi.advanceTimersByTime(89_000);
    expect(written).toHaveLength(2);
    say(begun);
    expect(heard).toEqual([`begin ${epoch} started`]);
  });

  test('repeats that if it did not arrive, and starts the same agent', () => {
    const { handshake, heard, written, say } = start({ isNew: true });
    handshake.begin();
    say('need');
    vi.advanceTimersByTime(1000);
    say('need');
    expect(written).toEqual(['attach me-1.1', 'payload', 'attach me-1.2', 'payload']);
    say('starting');
    say(begun);
    expect(heard).toEqual([`begin ${epoch} started`]);
  });

  test('starts no agent if none is wanted', () => {
    const { handshake, heard, written, say } = start({ mayStart: false });
    handshake.begin();
    say('need');
    expect([heard, written]).toEqual([['declined'], ['attach me-1.1']]);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('asks again under another name if another bridge had the agent, but only if it knew the agent', () => {
    const { handshake, heard, written, say } = start();
    handshake.begin();
    say('taken');
    expect([heard, written]).toEqual([['taken'], ['attach me-1.1', 'attach me-2.1']]);
    say(begun);
    expect(heard).toEqual(['taken', `begin ${epoch}`]);

    const other = start({ isNew: true });
    other.handshake.begin();
    other.say('taken');
    expect([other.heard, other.written]).toEqual([[], ['attach me-1.1']]);
    other.handshake.stop();
  });

  test('reports why the host cannot work', () => {
    const { handshake, heard, say } = start();
    handshake.begin();
    say('fail tool stty');
    expect(heard).toEqual(['fail tool stty']);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('passes on the output behind the record, and drops what came before', () => {
    const { handshake, heard, hear } = start();
    handshake.begin();
    hear(`{"noise":1}\n$ unset HISTFILE; ${recordOf('me-1.1', 0, begun)}{"first":1}\n{"sec`);
    expect(heard).toEqual([`begin ${epoch} {"first":1}\n{"sec`]);
  });

  test('reads a record that comes byte by byte, behind much noise without a line end', () => {
    const { handshake, heard, hear } = start();
    handshake.begin();
    hear('x'.repeat(1_000_000));
    for (const character of recordOf('me-1.1', 0, begun)) hear(character);
    expect(heard).toEqual([`begin ${epoch}`]);
  });

  test('ignores records of other attaches', () => {
    const { handshake, heard, written, hear } = start();
    handshake.begin();
    for (const nonce of ['me-0.1', 'me-11.1', 'other-1.1']) {
      hear(recordOf(nonce, 0, begun) + recordOf(nonce, 0, 'need') + recordOf(nonce, 0, 'fail tool stty'));
    }
    expect(heard).toEqual([]);
    expect(written).toEqual(['attach me-1.1']);
    handshake.stop();
  });

  test('begins again on the same connection, and ignores output until the answer', () => {
    const { handshake, heard, written, hear, say } = start();
    handshake.begin();
    say(begun);
    handshake.begin();
    expect(handshake.isUnderWay).toBe(true);
    hear('{"late":1}\n');
    say(begun);
    expect(heard).toEqual([`begin ${epoch}`, `begin ${epoch}`]);
    expect(written).toEqual(['attach me-1.1', 'attach me-2.1']);
  });

  test('sends nothing more once it is stopped', () => {
    const { handshake, heard, written, hear } = start();
    handshake.begin();
    handshake.stop();
    hear(recordOf('me-1.1', 0, begun));
    vi.advanceTimersByTime(300_000);
    expect([heard, written]).toEqual([[], ['attach me-1.1']]);
  });
});
