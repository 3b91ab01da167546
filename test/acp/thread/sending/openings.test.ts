import { expect, test } from 'vitest';
import { readMessage, type Request } from '../../../../src/acp/message/message.ts';
import { Openings } from '../../../../src/acp/thread/sending/openings.ts';
import { Calls, type Purpose } from '../../../../src/acp/thread/state/calls.ts';
import { outgoing } from '../../../../src/acp/thread/state/outgoing.ts';
import type { Reply } from '../../../../src/acp/thread/state/questions.ts';
import { bareSetup } from '../../../../src/acp/thread/state/session-setup.ts';
import { type Session, Sessions } from '../../../../src/acp/thread/state/sessions.ts';
import { bytesOf } from '../../message/json-texts.ts';

const info = { protocolVersion: 1, canLoad: false, canResume: true, canList: false };
const agent = { epoch: 'e', cwd: '/mnt/workspace', info };
const error = { code: -1, message: 'no' };

/** What goes to an agent that the test plays, and a session that this agent was not asked for yet. */
class Gated {
  readonly sessions = new Sessions({ clientIdOf: (agentId) => agentId, parse: () => undefined });
  readonly session: Session = this.sessions.add('s', 's', bareSetup);
  /** What the agent was asked by the bridge, and the requests that went to it at once. */
  readonly asked: string[] = [];
  readonly sent: string[] = [];
  /** How sessions turned out. */
  readonly opened: Reply['is'][] = [];
  /** The requests that went on, and those that failed. */
  readonly passed: string[] = [];
  readonly failed: string[] = [];
  /** The agent answers what it was asked last. */
  reply: (reply: Reply) => void = () => undefined;
  readonly calls: Calls = new Calls(0, (call, outcome) => {
    if (call.kind !== 'client') return;
    if (outcome.is === 'failed') this.failed.push(call.id);
    this.openings.settled(call, outcome);
  });
  readonly openings = new Openings({
    sessions: this.sessions,
    calls: this.calls,
    ask: (method, _, onReply) => {
      this.asked.push(method);
      this.reply = onReply;
    },
    say: () => undefined,
    onOpened: ({ is }) => this.opened.push(is),
    goOn: (held) => this.passed.push(...held.map(({ call }) => (call?.kind === 'client' ? call.id : 'none'))),
  });

  constructor() {
    this.sessions.beginEpoch(agent.epoch);
  }

  /** Whether a request of this id is held. */
  holds(id: string, method = 'session/prompt', sessionId = 's'): boolean {
    const isReopening = method === 'session/resume';
    const purpose: Purpose = isReopening ? { is: 'reopen', sessionId, setup: bareSetup } : { is: 'other' };
    const line = bytesOf(`{"id":${id},"method":"${method}"}`);
    const request = { line, message: readMessage(line) as Request };
    const call = this.calls.add({ kind: 'client', id, method, sessionId, purpose });
    const isHeld = this.openings.hold(outgoing(call, request), agent);
    if (!isHeld) this.sent.push(id);
    return isHeld;
  }

  /** The agent answers the client's own request of this id. */
  answer(id: string, members = '"result":{}'): void {
    const line = bytesOf(`{"id":0,${members}}`);
    const message = readMessage(line);
    const call = this.calls.ofClient(id);
    if (call === undefined || message.is !== 'response') throw new Error('nothing to answer');
    const outcome = { is: 'answered', line, message } as const;
    if (!this.openings.goesOn(call, outcome)) this.calls.settle(call, outcome);
  }
}

test('lines for a session that the agent does not hold have it opened, and are sent behind that, in order', () => {
  const it = new Gated();
  expect([it.holds('1'), it.holds('2'), it.asked]).toEqual([true, true, ['session/resume']]);
  expect([it.passed, it.openings.bytes]).toEqual([[], 2 * '{"id":1,"method":"session/prompt"}'.length]);
  it.reply({ is: 'result', text: '{}' });
  expect([it.opened, it.passed, it.openings.bytes]).toEqual([['result'], ['1', '2'], 0]);
  expect(it.holds('3')).toBe(false);
});

test('lines that wait for a session fail with it, and the next request tries again', () => {
  const it = new Gated();
  it.holds('1');
  it.reply({ is: 'lost', error });
  expect([it.opened, it.passed, it.failed]).toEqual([['lost'], [], ['1']]);
  expect([it.holds('2'), it.asked]).toEqual([true, ['session/resume', 'session/resume']]);
});

test('lines that wait are given back when the agent is gone, and a late answer has no effect', () => {
  const it = new Gated();
  it.holds('1');
  it.holds('2');
  expect(it.openings.clear().map(({ call }) => call?.number)).toEqual([0, 1]);
  expect(it.openings.bytes).toBe(0);
  it.reply({ is: 'lost', error });
  expect([it.passed, it.failed]).toEqual([[], []]);
});

test('a request that opens its session is sent itself, unless an opening is under way', () => {
  const it = new Gated();
  expect([it.holds('1', 'session/resume'), it.asked, it.sent]).toEqual([false, [], ['1']]);
  it.holds('2');
  expect([it.holds('3', 'session/resume'), it.sent]).toEqual([true, ['1']]);
  it.answer('1');
  expect([it.opened, it.passed]).toEqual([['result'], ['2', '3']]);
});

test('an unknown session is opened only in the client’s own way', () => {
  const it = new Gated();
  it.holds('1', 'session/resume');
  it.holds('2');
  it.answer('1', '"error":{"code":-1,"message":"no"}');
  expect([it.asked, it.opened, it.passed, it.failed]).toEqual([[], ['error'], [], ['2']]);
});

test('lines that wait for a request that opens their session fail when it is given up', () => {
  const it = new Gated();
  it.holds('1', 'session/resume');
  it.holds('2');
  const call = it.calls.ofClient('1');
  if (call !== undefined) it.calls.settle(call, { is: 'failed', error });
  expect([it.opened, it.passed, it.failed]).toEqual([['lost'], [], ['1', '2']]);
});

test('a session is not opened to be deleted, nor after the client has closed it', () => {
  const it = new Gated();
  expect(it.holds('1', 'session/delete')).toBe(false);
  it.sessions.opened(it.session, 's', '{}', agent.cwd);
  it.sessions.close(it.session);
  expect(it.sessions.phaseOf(it.session)).toEqual({ is: 'closed' });
  expect([it.holds('2'), it.asked]).toEqual([false, []]);
});

test('a session with two client ids is opened once, for both', () => {
  const it = new Gated();
  it.sessions.add('other', 's', bareSetup);
  it.holds('1');
  expect(it.holds('2', 'session/prompt', 'other')).toBe(true);
  expect(it.holds('3', 'session/resume', 'other')).toBe(true);
  expect([it.asked, it.sent]).toEqual([['session/resume'], []]);
  it.reply({ is: 'result', text: '{}' });
  expect(it.passed).toEqual(['1', '2', '3']);
});
