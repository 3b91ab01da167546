import { beforeEach, describe, expect, test } from 'vitest';
import { emptyTally, Ledger, type Tally } from './ledger.ts';

let ledger: Ledger;
let now: number;
beforeEach(() => {
  now = 0;
  ledger = new Ledger(() => (now += 1));
  ledger.beginBridge();
  ledger.addSession('s');
  ledger.born('A');
});

/** What the books say that is not 0, messages apart. */
function found(): Partial<Tally> {
  ledger.close();
  const { up: _up, down: _down, ...counts } = ledger.tally;
  const empty = emptyTally();
  return Object.fromEntries(
    Object.entries(counts).filter(([name, count]) => count !== empty[name as keyof Tally]),
  );
}

function say(count: number): void {
  for (let i = 0; i < count; i += 1) ledger.nextUp('s');
}

const seen = (life: string, ...runs: [number, number][]): void =>
  ledger.seen(
    life,
    runs.map(([from, to]) => [0, from, to] as const),
  );
const update = (life: string, d: number): void => ledger.update({ sessionId: 's', life, d });
const written = (life: string, count: number, open: number[] = [], answered: number[] = []): void =>
  ledger.written(life, { updates: [[0, count]], open, answered }, true);

describe('on the way to the agent', () => {
  test('messages that come once and in order are right', () => {
    say(10);
    seen('A', [0, 3], [4, 9]);
    expect(found()).toEqual({});
  });

  test('a gap is a loss', () => {
    say(10);
    seen('A', [0, 3], [6, 9]);
    expect(found()).toEqual({ lostUp: 2 });
  });

  test('messages that are missing at the end, or at the beginning, are lost', () => {
    say(10);
    seen('A', [2, 8]);
    expect(found()).toEqual({ lostUp: 3 });
  });

  test('a message that comes again is doubled, also at another agent', () => {
    say(10);
    seen('A', [0, 5], [4, 7]);
    ledger.losing();
    ledger.died('A');
    ledger.born('B');
    seen('B', [7, 9]);
    expect(found()).toEqual({ doubledUp: 3 });
  });

  test('a gap before the first message of a new agent is counted separately', () => {
    say(10);
    seen('A', [0, 3]);
    ledger.losing();
    ledger.died('A');
    ledger.born('B');
    seen('B', [6, 7], [9, 9]);
    expect(found()).toEqual({ lostWithAgent: 2, lostUp: 1 });
  });

  test.each([
    ['broken', { lostWithBridge: 2 }],
    ['left', { lostUp: 2 }],
  ] as const)('a gap up to the first message of the next bridge, the last having %s, is %o', (how, is) => {
    say(6);
    ledger.endBridge(how);
    ledger.beginBridge();
    say(4);
    seen('A', [0, 3], [6, 9]);
    expect(found()).toEqual(is);
  });

  test('a gap behind that is a loss', () => {
    say(6);
    ledger.endBridge('broken');
    ledger.beginBridge();
    say(4);
    seen('A', [0, 3], [7, 9]);
    expect(found()).toEqual({ lostUp: 3 });
  });

  test('an agent that ends without a cause, and bytes that are no message, are wrong', () => {
    ledger.died('A');
    ledger.garbled('A', 7);
    expect(found()).toEqual({ otherwise: 2 });
  });

  test('a prompt that was refused must not run later', async () => {
    const n = ledger.nextUp('s');
    const how = ledger.ask(1, 's', n);
    ledger.losing();
    ledger.died('A');
    ledger.answered({ id: 1, error: { code: -32000, message: 'gone' } });
    await expect(how).resolves.toBe('refused');
    ledger.born('B');
    seen('B', [n, n]);
    expect(found()).toEqual({ refused: 1, otherwise: 1 });
  });
});

describe('a session that another agent has to bring back', () => {
  const past = (load: number, ...numbers: number[]): void => {
    for (const h of numbers) ledger.past({ sessionId: 's', life: 'A', load, h });
  };
  const anew = { sessionId: 's', update: { content: { text: 'It begins anew.' } } };

  test('is opened before a message goes to it', () => {
    ledger.astray('A');
    expect(found()).toEqual({ otherwise: 1 });
  });

  test('is replayed to a client that asks for it, whole, each time', () => {
    for (const load of [1, 2]) {
      ledger.loading('s');
      past(load, 0, 1, 2, 3, 4);
      ledger.loaded('s');
    }
    expect(found()).toEqual({});
  });

  test.each([
    ['to nobody else', () => past(1, 0, 1), { doubledDown: 2 }],
    ['whole', () => (ledger.loading('s'), past(1, 0, 1, 2), ledger.loaded('s')), { lostDown: 2 }],
    ['once', () => (ledger.loading('s'), past(1, 0, 1, 1, 2, 3, 4), ledger.loaded('s')), { doubledDown: 1 }],
    [
      'not twice',
      () => (ledger.loading('s'), past(1, 0, 1, 2, 3, 4), past(2, 0), ledger.loaded('s')),
      { doubledDown: 1 },
    ],
    ['not later', () => (ledger.loading('s'), ledger.loaded('s'), past(1, 0)), { doubledDown: 1 }],
  ])('has its past told %s', (_how, tell, is) => {
    tell();
    expect(found()).toMatchObject(is);
  });

  test('may have been replayed to a bridge that ended', () => {
    ledger.loading('s');
    past(1, 0, 1);
    ledger.endBridge('broken');
    ledger.beginBridge();
    past(1, 1, 2, 3, 4);
    ledger.loading('s');
    past(2, 0, 1, 2, 3, 4);
    ledger.loaded('s');
    expect(found()).toEqual({ shownAgain: 4 });
  });

  test('does not start without its history if the agent can bring it back', () => {
    ledger.update(anew);
    expect(found()).toEqual({ otherwise: 1 });
  });

  test('says that it starts without its history if the agent cannot bring it back', () => {
    ledger = new Ledger(() => (now += 1), 'none');
    ledger.beginBridge();
    ledger.addSession('s');
    for (const life of ['A', 'B', 'C']) {
      if (life === 'B') ledger.update(anew);
      update(life, 0);
    }
    expect(found()).toEqual({ begunAnew: 1, otherwise: 1 });
  });
});

describe('on the way to the client', () => {
  test.each([
    ['lost', [0, 1, 4], 5, { lostDown: 2 }],
    ['lost at the end', [0, 1], 4, { lostDown: 2 }],
    ['doubled', [0, 1, 1, 2], 3, { doubledDown: 1 }],
  ] as const)('a message that is %s is found', (_name, numbers, count, is) => {
    for (const d of numbers) update('A', d);
    written('A', count);
    expect(found()).toEqual(is);
  });

  test.each([
    ['broken', { shownAgain: 2, shownAgainMs: expect.any(Number) as number }],
    ['left', { doubledDown: 2 }],
  ] as const)('what is shown again behind a bridge that has %s is %o', (how, is) => {
    for (const d of [0, 1, 2]) update('A', d);
    ledger.endBridge(how);
    ledger.beginBridge();
    for (const d of [1, 2, 3]) update('A', d);
    written('A', 4);
    expect(found()).toEqual(is);
  });

  test('a message that is shown a second time is doubled', () => {
    for (const d of [0, 1, 2]) update('A', d);
    ledger.endBridge('broken');
    ledger.beginBridge();
    for (const d of [2, 3, 3]) update('A', d);
    written('A', 4);
    expect(found()).toMatchObject({ shownAgain: 1, doubledDown: 1 });
  });

  test('an ended agent writes nothing after the next one has', () => {
    update('A', 0);
    ledger.losing();
    ledger.born('B');
    update('B', 0);
    update('A', 1);
    expect(found()).toEqual({ reordered: 1 });
  });

  test('an answer comes behind the updates before it', () => {
    for (const after of [0, 1, 0]) {
      void ledger.ask(after, 's', after);
    }
    update('A', 0);
    void ledger.ask(5, 's', 5);
    ledger.answered({ id: 5, result: { life: 'A', n: 5, after: 1 } });
    const { reordered } = ledger.tally;
    expect(reordered).toBe(1);
  });
});

describe('requests', () => {
  test('have exactly one answer, and the right one', () => {
    for (const id of [1, 2, 3, 4]) void ledger.ask(id, 's', id);
    ledger.answered({ id: 1, result: { life: 'A', n: 1, after: -1 } });
    ledger.answered({ id: 1, result: { life: 'A', n: 1, after: -1 } });
    ledger.answered({ id: 2, result: { life: 'A', n: 3, after: -1 } });
    ledger.answered({ id: 3, error: { code: 1, message: 'no reason' } });
    expect(found()).toEqual({ misanswered: 4 });
  });

  test('may be answered with an error from the loss of an agent until another one has answered', () => {
    ledger.losing();
    for (const id of [1, 2]) void ledger.ask(id, 's', id);
    ledger.died('A');
    ledger.born('B');
    ledger.answered({ id: 1, error: { code: 1, message: 'gone' } });
    ledger.answered({ id: 2, result: { life: 'B', n: 2, after: -1 } });
    void ledger.ask(3, 's', 3);
    ledger.answered({ id: 3, error: { code: 1, message: 'gone' } });
    expect(found()).toEqual({ refused: 1, misanswered: 1 });
  });

  test('of a bridge that was killed do not count, and of one that left are answered', async () => {
    const first = ledger.ask(1, 's', 1);
    ledger.endBridge('broken');
    await expect(first).resolves.toBe('gone');
    ledger.beginBridge();
    void ledger.ask(2, 's', 2);
    void ledger.ask(3, 's', 3);
    ledger.leaving();
    ledger.answered({ id: 2, error: { code: 1, message: 'leaving' } });
    ledger.endBridge('left');
    expect(found()).toEqual({ refused: 1, misanswered: 1 });
  });
});

describe('questions of the agent', () => {
  const question = (a: number): boolean => ledger.asked({ sessionId: 's', life: 'A', a, after: -1 });

  test('come once to each bridge', () => {
    expect(question(0)).toBe(true);
    expect(question(0)).toBe(false);
    ledger.endBridge('broken');
    ledger.beginBridge();
    expect(question(0)).toBe(true);
    expect(found()).toEqual({ doubledDown: 1, askedAgain: 1 });
  });

  test('must come, and their answers, once', () => {
    question(0);
    question(1);
    ledger.replied('A', 1);
    question(2);
    ledger.replied('A', 2);
    written('A', 0, [0, 1, 3], [0, 0, 2, 0]);
    expect(found()).toEqual({ lostDown: 2, lostUp: 1, doubledUp: 1 });
  });
});
