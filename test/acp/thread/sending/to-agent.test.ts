import { expect, test } from 'vitest';
import { ClientOutput } from '../../../../src/acp/client/output.ts';
import { Introduction } from '../../../../src/acp/client/introduction.ts';
import { memberOf, whole } from '../../../../src/acp/message/json-scanner.ts';
import { Lifecycle } from '../../../../src/acp/thread/state/lifecycle.ts';
import { type Notification, readMessage, type Request } from '../../../../src/acp/message/message.ts';
import { Calls } from '../../../../src/acp/thread/state/calls.ts';
import { outgoing } from '../../../../src/acp/thread/state/outgoing.ts';
import { bareSetup } from '../../../../src/acp/thread/state/session-setup.ts';
import { Sessions } from '../../../../src/acp/thread/state/sessions.ts';
import { ToAgent } from '../../../../src/acp/thread/sending/to-agent.ts';
import { Turns } from '../../../../src/acp/thread/state/turns.ts';
import { bytesOf } from '../../message/json-texts.ts';
import { MemoryLink, unheard } from '../../memory-link.ts';

/** The way to an agent, which there is none of yet. */
class Way {
  readonly link: MemoryLink = new MemoryLink(
    { waiting: () => this.toAgent.waiting(), next: () => this.toAgent.next() },
    {
      ...unheard,
      onEpoch: (epoch) => {
        this.toAgent.beginEpoch();
        this.sessions.beginEpoch(epoch.epoch);
        this.life.begin(epoch);
      },
    },
  );
  readonly life = new Lifecycle(this.link);
  readonly calls = new Calls(100, (call, outcome) => {
    if (call.kind === 'client') this.failed.push(call.id);
    else call.onSettled(outcome);
  });
  readonly sessions = new Sessions({ clientIdOf: (agentId) => agentId, parse: () => undefined });
  /** The ids of requests that were given up, in order. */
  readonly failed: string[] = [];
  /** How often it was told that something is said. */
  said = 0;
  readonly toAgent: ToAgent = new ToAgent({
    link: this.link,
    life: this.life,
    lane: new ClientOutput((lines) => lines.length, {
      onFull: () => undefined,
      onRoom: () => undefined,
    }).lane(() => undefined),
    calls: this.calls,
    sessions: this.sessions,
    turns: new Turns({
      sessions: this.sessions,
      protocolVersion: () => 1,
      onChange: () => undefined,
      onEnded: (sessionId) => this.toAgent.turnEnded(sessionId),
    }),
    introduction: new Introduction({
      cache: { read: () => undefined, write: () => undefined },
      agentCapabilities: undefined,
    }),
    policy: {
      cancel: { strategy: 'stop', graceMs: 10_000 },
      progress: false,
    },
    remote: { map: [] },
    onOpened: () => undefined,
    onSaid: () => (this.said += 1),
  });

  /** Submits a request of this id. */
  ask(id: string): void {
    const line = bytesOf(`{"id":${id},"method":"m","params":"${id}"}`);
    const request = { line, message: readMessage(line) as Request };
    const call = this.calls.add({
      kind: 'client',
      id,
      method: 'm',
      sessionId: undefined,
      purpose: { is: 'other' },
    });
    this.toAgent.submit(outgoing(call, request));
  }

  cancel(id: string): void {
    const line = bytesOf(`{"method":"$/cancel_request","params":{"requestId":${id}}}`);
    const requestId = memberOf(line, memberOf(line, whole(line), 'params'), 'requestId');
    if (requestId !== undefined) this.toAgent.cancelRequest(line, requestId);
  }

  /** An agent runs, and has been introduced. */
  begin(): void {
    this.link.begin();
    this.introduced();
  }

  introduced(): void {
    this.life.ready({ protocolVersion: 1, canLoad: false, canResume: true, canList: false });
    this.toAgent.goOn();
  }

  /** Submits a notification about a session. */
  notify(text: string, sessionId: string): void {
    const line = bytesOf(`{"method":"n","params":{"sessionId":"${sessionId}","text":"${text}"}}`);
    this.toAgent.submit({ line, message: readMessage(line) as Notification, call: undefined, sessionId });
  }

  /** The agent has answered the open request of this method. */
  answer(method: string): void {
    const call = this.calls.all().find((each) => each.method === method);
    if (call === undefined) throw new Error(`no ${method} is open`);
    this.calls.settle(call, { is: 'told', result: '{}' });
  }

  /** What the agent got since the last time: the ids that the requests once had. */
  heard(): unknown[] {
    return this.link.takeToAgent().map((line) => (JSON.parse(line) as { params: unknown }).params);
  }
}

test('lines for an agent have it started, wait until it is introduced, and are sent in order', async () => {
  const way = new Way();
  expect([way.toAgent.isWaiting, way.toAgent.pendingBytes]).toEqual([false, 0]);
  way.ask('1');
  way.ask('2');
  expect([way.link.isAttached, way.toAgent.isWaiting, way.heard(), way.said]).toEqual([true, true, [], 2]);
  expect(way.toAgent.pendingBytes).toBe(2 * '{"id":1,"method":"m","params":"1"}'.length);
  const eased = way.toAgent.eased();
  way.link.begin();
  expect(way.heard()).toEqual([]);
  way.introduced();
  await eased;
  expect([way.heard(), way.toAgent.isWaiting, way.toAgent.pendingBytes]).toEqual([['1', '2'], false, 0]);
  way.ask('3');
  expect(way.heard()).toEqual(['3']);
});

test('lines that an agent was not sent go to the next one, before newer ones', () => {
  const way = new Way();
  way.begin();
  way.link.isStalled = true;
  way.ask('1');
  way.ask('2');
  // Only that agent could make sense of an answer.
  way.toAgent.reply(bytesOf('{"id":0,"result":{}}'));
  way.life.exited();
  way.ask('3');
  way.link.isStalled = false;
  way.begin();
  expect(way.heard()).toEqual(['1', '2', '3']);
});

test('a request that is cancelled before it was sent fails, and is never sent', () => {
  const way = new Way();
  way.ask('1');
  way.ask('2');
  way.cancel('1');
  expect([way.failed, way.toAgent.pendingBytes]).toEqual([
    ['1'],
    '{"id":2,"method":"m","params":"2"}'.length,
  ]);
  way.begin();
  expect(way.heard()).toEqual(['2']);
  way.cancel('2');
  way.cancel('unheard of');
  expect([way.heard(), way.failed]).toEqual([[{ requestId: 101 }], ['1']]);
});

test('requests fail at once when the thread is over', () => {
  const way = new Way();
  way.life.giveUp({ code: -1, message: 'no way' });
  way.ask('1');
  expect([way.failed, way.toAgent.isWaiting, way.link.isAttached]).toEqual([['1'], false, false]);
});

test('a request that is half sent when it is cancelled fails, and the agent never sees it', () => {
  const way = new Way();
  way.begin();
  way.ask('1');
  way.ask('2');
  way.link.isHalfSent = true;
  way.cancel('1');
  expect([way.failed, way.heard()]).toEqual([[], ['1', '2', { requestId: 100 }]]);
  // The cancel was pulled behind it, so all of it was sent.
  way.cancel('2');
  expect([way.failed, way.heard()]).toEqual([[], [{ requestId: 101 }]]);
  way.ask('3');
  way.cancel('3');
  expect([way.failed, way.heard()]).toEqual([['3'], []]);
});

test('a cancel overtakes all lines that wait', () => {
  const way = new Way();
  way.begin();
  way.ask('1');
  way.link.isStalled = true;
  way.ask('2');
  way.toAgent.reply(bytesOf('{"id":0,"result":{},"params":"answer"}'));
  way.cancel('1');
  way.link.comeBack();
  expect(way.heard()).toEqual(['1', { requestId: 100 }, 'answer', '2']);
});

test('a line that waits is put in the terms of the agent that pulls it', () => {
  const way = new Way();
  way.begin();
  const session = way.sessions.add('client', 'first', bareSetup);
  way.sessions.opened(session, 'first', '{}', '/');
  way.link.isStalled = true;
  way.notify('hello', 'client');
  way.sessions.opened(session, 'second', '{}', '/');
  way.link.comeBack();
  expect(way.heard()).toEqual([{ sessionId: 'second', text: 'hello' }]);
});

test('lines that waited for a session go before later ones, even if the link pulls nothing meanwhile', () => {
  const way = new Way();
  way.begin();
  way.sessions.add('s', 's', bareSetup);
  way.notify('1', 's');
  expect(way.heard()).toMatchObject([{ sessionId: 's', cwd: '/mnt/workspace' }]);
  way.link.isStalled = true;
  way.notify('2', 's');
  way.answer('session/resume');
  way.notify('3', 's');
  way.link.comeBack();
  expect(way.heard()).toMatchObject([{ text: '1' }, { text: '2' }, { text: '3' }]);
});

test('lines that could be sent when the bridge leaves still go to that agent, and to no other', () => {
  const way = new Way();
  way.begin();
  way.link.isStalled = true;
  const leave = (): void => {
    way.toAgent.leave();
    way.calls.settleAll(() => true, { is: 'failed', error: { code: -1, message: 'leaving' } });
    way.toAgent.clear();
  };
  way.ask('1');
  leave();
  way.link.comeBack();
  expect([way.failed, way.heard()]).toEqual([['1'], ['1']]);
  way.link.isStalled = true;
  way.ask('2');
  leave();
  way.link.isStalled = false;
  way.link.begin();
  expect(way.heard()).toEqual([]);
});

test('a line that is submitted in passing does not connect, and goes before the next one', () => {
  const way = new Way();
  way.begin();
  way.life.letGo();
  way.link.isStalled = true;
  const line = bytesOf('{"method":"n","params":"in passing"}');
  const message = readMessage(line) as Notification;
  way.link.isAttached = false;
  way.toAgent.submitInPassing({ line, message, call: undefined, sessionId: undefined });
  expect(way.link.isAttached).toBe(false);
  way.ask('1');
  expect(way.link.isAttached).toBe(true);
  way.link.comeBack();
  expect(way.heard()).toEqual(['in passing', '1']);
});
