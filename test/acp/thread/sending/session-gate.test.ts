import { expect, test } from 'vitest';
import type { ReadyAgent } from '../../../../src/acp/thread/lifecycle.ts';
import { readMessage, type Request } from '../../../../src/acp/message/message.ts';
import { OpenCalls } from '../../../../src/acp/thread/calls.ts';
import { Opening } from '../../../../src/acp/thread/sending/opening.ts';
import type { Call } from '../../../../src/acp/thread/outgoing.ts';
import type { Reply } from '../../../../src/acp/thread/own-requests.ts';
import { bareSetup, type Session } from '../../../../src/acp/thread/session.ts';
import { SessionGate } from '../../../../src/acp/thread/sending/session-gate.ts';
import { ThreadSessions } from '../../../../src/acp/thread/sessions.ts';
import { bytesOf } from '../../message/json-texts.ts';

const info = { protocolVersion: 1, canLoad: false, canResume: true, canList: false };
const agent = { epoch: 'e', cwd: '/mnt/workspace', info };
const error = { code: -1, message: 'no' };

/** A gate before an agent that the test plays, and a session that this agent was not asked for yet. */
class Gated {
  readonly sessions = new ThreadSessions({ clientIdOf: (agentId) => agentId, parse: () => undefined });
  readonly session: Session = this.sessions.add('s', 's', bareSetup);
  readonly calls = new OpenCalls(0);
  /** What the agent was asked. */
  readonly asked: string[] = [];
  /** How sessions turned out. */
  readonly opened: Reply['is'][] = [];
  /** The requests that went on, and those that failed. */
  readonly passed: string[] = [];
  readonly failed: string[] = [];
  /** The agent answers what it was asked last. */
  reply: (reply: Reply) => void = () => undefined;
  readonly gate = new SessionGate({
    sessions: this.sessions,
    calls: this.calls,
    opening: new Opening({
      sessions: this.sessions,
      ask: (method, _, onReply) => {
        this.asked.push(method);
        this.reply = onReply;
      },
      say: () => undefined,
    }),
    onOpened: ({ is }) => this.opened.push(is),
    submit: ({ number }) => this.passed.push(this.calls.get(number ?? -1)?.id ?? 'none'),
  });

  /** Whether a request of this id is held. */
  holds(id: string, method = 'session/prompt', open?: Call['open'], sessionId = 's'): boolean {
    const call: Call = {
      id,
      method,
      sessionId,
      ticket: undefined,
      answered: () => undefined,
      failed: () => this.failed.push(id),
      ...(open && { open }),
    };
    const line = bytesOf(`{"id":${id},"method":"${method}"}`);
    const message = readMessage(line) as Request;
    const number = this.calls.add(call);
    return this.gate.hold({ is: 'fresh', line, message, number, sessionId }, call, agent);
  }
}

test('what is for a session that the agent does not hold has it opened, and goes on behind that, in order', () => {
  const it = new Gated();
  expect([it.holds('1'), it.holds('2'), it.asked]).toEqual([true, true, ['session/resume']]);
  expect([it.passed, it.gate.bytes]).toEqual([[], 2 * '{"id":1,"method":"session/prompt"}'.length]);
  it.reply({ is: 'result', text: '{}' });
  expect([it.opened, it.passed, it.gate.bytes]).toEqual([['result'], ['1', '2'], 0]);
  expect(it.holds('3')).toBe(false);
});

test('what waits for a session fails with it, and the next request tries again', () => {
  const it = new Gated();
  it.holds('1');
  it.reply({ is: 'lost', error });
  expect([it.opened, it.passed, it.failed]).toEqual([['lost'], [], ['1']]);
  expect([it.holds('2'), it.asked]).toEqual([true, ['session/resume', 'session/resume']]);
});

test('what waits is given back when the agent is gone, and the answer that comes to nothing lets nothing through', () => {
  const it = new Gated();
  it.holds('1');
  it.holds('2');
  expect(it.gate.clear().map(({ number }) => number)).toEqual([0, 1]);
  expect(it.gate.bytes).toBe(0);
  it.reply({ is: 'lost', error });
  expect([it.passed, it.failed]).toEqual([[], []]);
});

test('a request that opens its session does so itself, unless that is under way', () => {
  const it = new Gated();
  const opened: string[] = [];
  const open = ({ epoch }: ReadyAgent): void => void opened.push(epoch);
  expect([it.holds('1', 'session/load', open), it.asked, opened]).toEqual([true, [], ['e']]);
  it.holds('2');
  expect([it.holds('3', 'session/load', open), opened]).toEqual([true, ['e']]);
  it.reply({ is: 'result', text: '{}' });
  expect(it.passed).toEqual(['2', '3']);
});

test('a session is not opened to be deleted, nor once the client has closed it', () => {
  const it = new Gated();
  expect(it.holds('1', 'session/delete')).toBe(false);
  it.session.isClosed = true;
  expect([it.holds('2'), it.asked]).toEqual([false, []]);
});

test('a session that the client knows by two names is opened once, for both', () => {
  const it = new Gated();
  it.sessions.add('other', 's', bareSetup);
  const opened: string[] = [];
  it.holds('1');
  expect(it.holds('2', 'session/prompt', undefined, 'other')).toBe(true);
  expect(it.holds('3', 'session/load', ({ epoch }) => void opened.push(epoch), 'other')).toBe(true);
  expect([it.asked, opened]).toEqual([['session/resume'], []]);
  it.reply({ is: 'result', text: '{}' });
  expect(it.passed).toEqual(['1', '2', '3']);
});
