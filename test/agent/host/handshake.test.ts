import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Handshake } from '../../../src/agent/host/handshake.ts';

const begun = 'begin e1 live 0 0 - - /root';

/** A handshake, and what went between it and the PTY. */
function start({ epoch = 'e1', saveMs = 0 } = {}) {
  const heard: string[] = [];
  const written: string[] = [];
  const told: unknown[] = [];
  let nonces = 0;
  const handshake = new Handshake({
    write: (bytes) => {
      const text = Buffer.from(bytes).toString();
      written.push(text === '\u0003' ? 'interrupt' : text.endsWith('\0') ? 'payload' : 'bootstrap');
    },
    nonce: () => `me-${(nonces += 1)}`,
    isNew: () => epoch === 'none',
    request: () => ({
      name: 'thread',
      epoch: epoch === 'none' ? undefined : epoch,
      outOffset: 0,
      inAcknowledged: 0,
      outFree: 0,
      inFree: 0,
      replace: undefined,
      save: undefined,
      saveMs,
    }),
    start: () => ({
      epoch: 'e1',
      command: 'agent',
      cwd: undefined,
      env: {},
      persist: [],
      persistTo: undefined,
      workspaceTimeoutMs: 60_000,
    }),
    onBegin: ({ epoch, notes, keeping }, hasStarted, rest) => {
      told.push({ notes, keeping });
      heard.push(`begin ${epoch}${hasStarted ? ' started' : ''} ${Buffer.from(rest).toString()}`.trim());
    },
    onTaken: () => heard.push('taken'),
    onFail: (what) => heard.push(`fail ${what}`),
    onSilence: () => heard.push('silence'),
  });
  const hear = (text: string): void => handshake.onOutput(Buffer.from(text));
  const confirm = (reconnected: boolean): void => handshake.onStatus({ is: 'confirmation', reconnected });
  /** What the host says to the attach with the last nonce. */
  const say = (what: string): void => hear(`\u001eacb me-${nonces} ${what}\n`);
  const end = (): void => hear(`\u001eacb me-${nonces} end\n`);
  return { handshake, heard, told, written, hear, confirm, say, end };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left).toBe(0);
});

describe('a handshake', () => {
  test('speaks to a new shell at once', () => {
    const { handshake, heard, written, confirm, say } = start();
    handshake.begin();
    expect(written).toEqual([]);
    confirm(false);
    expect(written).toEqual(['bootstrap']);
    say(begun);
    expect(heard).toEqual(['begin e1']);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('interrupts an old shell, and speaks to it when the host there says that it detached', () => {
    const { handshake, heard, written, confirm, say, end } = start();
    handshake.begin();
    confirm(true);
    expect(written).toEqual(['interrupt']);
    end();
    expect(written).toEqual(['interrupt', 'bootstrap']);
    say(begun);
    expect(heard).toEqual(['begin e1']);
  });

  test('that knows nothing yet leaves a moment to read what the last bridge sent, which the interrupt would drop', () => {
    const { handshake, heard, written, confirm, say, end } = start({ epoch: 'none' });
    handshake.begin();
    confirm(true);
    vi.advanceTimersByTime(99);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual(['interrupt']);
    end();
    say(begun);
    expect(heard).toEqual(['begin e1']);
  });

  test('hands on what earlier bridges left, of the attach that is answered alone', () => {
    const { handshake, told, confirm, say } = start();
    const text = 'x'.repeat(256 * 1024);
    handshake.begin();
    confirm(false);
    say(`note agent ${Buffer.from('stale').toString('base64')}`);
    vi.advanceTimersByTime(20_000);
    say(`note thread ${Buffer.from(text).toString('base64')}`);
    say('keeping no-tar');
    say(begun);
    expect(told).toEqual([{ notes: { agent: undefined, thread: text }, keeping: 'no-tar' }]);
  });

  test('waits longer for an answer where the host is to save first', () => {
    const { handshake, written, confirm } = start({ saveMs: 5000 });
    handshake.begin();
    confirm(true);
    vi.advanceTimersByTime(600 + 5000);
    expect(written).toEqual(['interrupt', 'bootstrap']);
    handshake.stop();
  });

  test('interrupts a shell of which no confirmation comes, and takes no notice of one that is late', () => {
    const { handshake, heard, written, confirm, say, end } = start();
    handshake.begin();
    vi.advanceTimersByTime(1000);
    expect(written).toEqual(['interrupt']);
    confirm(false);
    expect(written).toEqual(['interrupt']);
    end();
    confirm(true);
    expect(written).toEqual(['interrupt', 'bootstrap']);
    say(begun);
    confirm(true);
    expect(heard).toEqual(['begin e1']);
    expect(written).toHaveLength(2);
  });

  test('takes a confirmation that comes behind output', () => {
    const { handshake, written, hear, confirm } = start();
    handshake.begin();
    hear('bash-5.2$ ');
    confirm(false);
    expect(written).toEqual(['bootstrap']);
    handshake.stop();
  });

  test('takes no other status for a confirmation', () => {
    const { handshake, written } = start();
    handshake.begin();
    handshake.onStatus({ is: 'unknown' });
    handshake.onStatus({ is: 'exited', code: 0 });
    expect(written).toEqual([]);
    handshake.stop();
  });

  test('speaks to a shell that does not say that it detached', () => {
    const { handshake, heard, written, confirm, say } = start();
    handshake.begin();
    confirm(true);
    vi.advanceTimersByTime(600);
    expect(written).toEqual(['interrupt', 'bootstrap']);
    say(begun);
    expect(heard).toEqual(['begin e1']);
  });

  test('interrupts and speaks again when the line was swallowed', () => {
    const { handshake, heard, written, confirm, say, end } = start();
    handshake.begin();
    confirm(true);
    end();
    vi.advanceTimersByTime(750);
    expect(written).toEqual(['interrupt', 'bootstrap', 'interrupt']);
    end();
    expect(written).toEqual(['interrupt', 'bootstrap', 'interrupt', 'bootstrap']);
    say(begun);
    expect(heard).toEqual(['begin e1']);
  });

  test('tells of silence, once, when nothing has answered six times', () => {
    const { handshake, heard, written, confirm } = start();
    handshake.begin();
    confirm(false);
    vi.advanceTimersByTime(300_000);
    expect(heard).toEqual(['silence']);
    expect(written.filter((each) => each === 'bootstrap')).toHaveLength(6);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('tells a host that needs it how to start the agent, and waits longer for that', () => {
    const { handshake, heard, written, confirm, say } = start();
    handshake.begin();
    confirm(false);
    say('need');
    expect(written).toEqual(['bootstrap', 'payload']);
    vi.advanceTimersByTime(29_000);
    expect(written).toHaveLength(2);
    say(begun);
    expect(heard).toEqual(['begin e1 started']);
  });

  test('asks again where another bridge had the agent, without an interrupt, and only who knew of the agent', () => {
    const { handshake, heard, written, confirm, say, end } = start();
    handshake.begin();
    confirm(false);
    say('taken');
    end();
    expect([heard, written]).toEqual([['taken'], ['bootstrap', 'bootstrap']]);
    say(begun);
    expect(heard).toEqual(['taken', 'begin e1']);

    const other = start({ epoch: 'none' });
    other.handshake.begin();
    other.confirm(false);
    other.say('taken');
    other.end();
    expect([other.heard, other.written]).toEqual([[], ['bootstrap']]);
    other.handshake.stop();
  });

  test('hands on what the host says when it can not work', () => {
    const { handshake, heard, confirm, say } = start();
    handshake.begin();
    confirm(false);
    say('fail tool stty');
    expect(heard).toEqual(['fail tool stty']);
    expect(handshake.isUnderWay).toBe(false);
  });

  test('hands on the output behind the record, and keeps none of what came before', () => {
    const { handshake, heard, hear, confirm } = start();
    handshake.begin();
    confirm(false);
    hear(`{"noise":1}\n$ unset HISTFILE; \u001eacb me-1 ${begun}\n{"first":1}\n{"sec`);
    expect(heard).toEqual(['begin e1 {"first":1}\n{"sec']);
  });

  test('reads a record that comes byte by byte, behind much noise without a line end', () => {
    const { handshake, heard, hear, confirm } = start();
    handshake.begin();
    confirm(false);
    hear('x'.repeat(1_000_000));
    for (const character of `\u001eacb me-1 ${begun}\n`) hear(character);
    expect(heard).toEqual(['begin e1']);
  });

  test('takes records of other attaches for noise', () => {
    const { handshake, heard, written, hear, confirm } = start();
    handshake.begin();
    hear(`\u001eacb me-1 ${begun}\n`);
    confirm(false);
    hear(`\u001eacb other-1 ${begun}\n\u001eacb other-1 need\n\u001eacb other-1 fail tool stty\n`);
    expect(heard).toEqual([]);
    expect(written).toEqual(['bootstrap']);
    handshake.stop();
  });

  test('asks again on the same connection, and drops what is said until the answer', () => {
    const { handshake, heard, written, hear, confirm, say, end } = start();
    handshake.begin();
    confirm(false);
    say(begun);
    handshake.again();
    expect(handshake.isUnderWay).toBe(true);
    hear('{"late":1}\n');
    end();
    say(begun);
    expect(heard).toEqual(['begin e1', 'begin e1']);
    expect(written).toEqual(['bootstrap', 'interrupt', 'bootstrap']);
  });

  test('takes the end of an earlier attach for a replay of it, and that of any unanswered one for news', () => {
    const { handshake, heard, written, hear, confirm, say, end } = start();
    handshake.begin();
    confirm(false);
    say(begun);
    handshake.again();
    end();
    say(begun);
    written.length = 0;
    handshake.stop();
    handshake.begin();
    confirm(true);
    hear('\u001eacb me-1 end\n\u001eacb other-7 end\n');
    expect(written).toEqual(['interrupt']);
    hear('\u001eacb me-2 end\n');
    expect(written).toEqual(['interrupt', 'bootstrap']);
    handshake.stop();
    handshake.begin();
    confirm(true);
    hear('\u001eacb me-3 end\n');
    say(begun);
    expect(heard).toHaveLength(3);
  });

  test('tells which lines say that the host, attached, can not go on', () => {
    const { handshake, confirm, say } = start();
    handshake.begin();
    confirm(false);
    say(begun);
    expect(handshake.readFailure(Buffer.from('\u001eacb me-1 fail input'))).toBe('input');
    expect(handshake.readFailure(Buffer.from('\u001eacb me-0 fail input'))).toBeUndefined();
    expect(handshake.readFailure(Buffer.from('\u001eexit e1 0 -'))).toBeUndefined();
  });

  test('says nothing more once it is stopped', () => {
    const { handshake, heard, written, confirm, say, end } = start();
    handshake.begin();
    confirm(true);
    handshake.stop();
    end();
    say(begun);
    vi.advanceTimersByTime(300_000);
    expect(written).toEqual(['interrupt']);
    expect(heard).toEqual([]);
  });
});
