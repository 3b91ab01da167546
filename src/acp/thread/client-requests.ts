import type { RemoteViewOptions } from '../client/remote-view.ts';
import type { Introduction } from '../client/introduction.ts';
import { errorResponse, resultResponse, resultTextResponse } from '../message/json-rpc-errors.ts';
import { type Span, whole } from '../message/json-scanner.ts';
import { replacing, textAt } from '../message/json-text.ts';
import type { ReadyAgent } from './lifecycle.ts';
import type { Request, Response } from '../message/message.ts';
import { sessionIdOf } from './sending/opening.ts';
import type { Call, Outgoing } from './outgoing.ts';
import { ownCall, readReply, type Reply } from './own-requests.ts';
import { readSetup, type Session, type SessionSetup } from './session.ts';
import { renamed } from '../message/session-text.ts';
import type { Thread } from './thread.ts';
import { knownSession } from './note.ts';

export interface ClientRequestsOptions {
  readonly thread: Thread;
  readonly introduction: Introduction;
  /** The client's name for a session that the agent has just opened. */
  readonly clientIdOf: (agentId: string) => string;
  /** Whether a session that the agent does not know may begin anew, though nothing was ever heard of it here. */
  readonly isOurs: (sessionId: string) => boolean;
  readonly remote: RemoteViewOptions;
}

/** The client's requests to one thread, and what their answers mean for its sessions. */
export class ClientRequests {
  readonly #options: ClientRequestsOptions;
  readonly #thread: Thread;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
    this.#thread = options.thread;
  }

  /**
   * @param line A request in the microVM's terms, but for names and `cwd`
   * @param sessionId The client's name of the session that it is about
   */
  request(line: Uint8Array, message: Request, sessionId: string | undefined): void {
    const thread = this.#thread;
    const id = textAt(line, message.id);
    const call: Call = {
      id,
      method: message.method,
      sessionId,
      ticket: undefined,
      answered: (answer, response) => this.#pass(id, answer, response),
      failed: (error) => thread.lane.add(errorResponse(id, error)),
    };
    if (message.method === 'session/close' && !thread.isBegun) {
      thread.lane.add(resultResponse(id, {}));
      return;
    }
    const number = thread.calls.add(call);
    const outgoing: Outgoing = { is: 'fresh', line, message, number, sessionId };
    if (message.method === 'session/prompt') this.#followTurn(call, number);
    else call.again = outgoing;
    this.#follow(call, outgoing, message.params);
    thread.toAgent.submit(outgoing);
  }

  /** Repeats to the agent a request that the client has an answer to. */
  repeat(line: Uint8Array, message: Request, sessionId: string): void {
    const { method } = message;
    const call: Call = { ...ownCall(method, () => undefined), sessionId };
    const number = this.#thread.calls.add(call);
    call.again = { is: 'fresh', line, message, number, sessionId };
    this.#thread.toAgent.submit(call.again);
  }

  /** Sees to what an answer means for the sessions, besides being passed on. */
  #follow(call: Call, outgoing: Outgoing, params: Span | undefined): void {
    const { introduction, remote } = this.#options;
    const { sessions } = this.#thread;
    const { line, sessionId } = outgoing;
    const onResult = (then: (text: string) => void): void => {
      const { answered } = call;
      call.answered = (answer, response) => {
        if (response.outcome === 'result') then(textAt(answer, response.value));
        answered(answer, response);
      };
    };
    const session = (): Session | undefined =>
      sessionId === undefined ? undefined : sessions.find(sessionId);
    switch (call.method) {
      case 'session/new':
      case 'session/fork':
        onResult((text) => this.#onNewSession(text, readSetup(line, params, remote), session()));
        return;
      case 'session/load':
      case 'session/resume':
        if (sessionId === undefined) return;
        call.open = (agent) => this.#open(call, outgoing, agent, sessionId, readSetup(line, params, remote));
        return;
      case 'session/close':
        onResult(() => {
          const { agent } = this.#thread.life;
          const closed = session();
          if (agent === undefined || closed?.agentId === undefined) return;
          closed.isClosed = true;
          sessions.update(closed.agentId, { epoch: undefined, turn: undefined });
          this.#thread.saveNote();
          // With the last one closed, the microVM may go.
          if (!sessions.all().some((each) => sessions.isHeld(each, agent.epoch))) this.#thread.life.letGo();
        });
        return;
      case 'session/delete':
        onResult(() => {
          const deleted = session();
          if (deleted !== undefined) sessions.forget(deleted);
          this.#thread.saveNote();
        });
        return;
      case 'authenticate':
        if (outgoing.is === 'fresh' && outgoing.message.is === 'request') {
          const { message } = outgoing;
          onResult(() => (introduction.authenticate = { line, message }));
        }
        return;
      case 'logout':
        onResult(() => (introduction.authenticate = undefined));
    }
  }

  #followTurn(call: Call, number: number): void {
    const { answered, failed, sessionId } = call;
    if (sessionId === undefined) return;
    call.answered = (line, message) => {
      answered(line, message);
      this.#thread.turns.answered(sessionId, number);
    };
    call.failed = (error) => {
      failed(error);
      this.#thread.turns.ended(sessionId, number);
    };
  }

  /** @param parent Of a fork: where that one is, the fork is */
  #onNewSession(result: string, setup: SessionSetup, parent: Session | undefined): void {
    const { life, sessions, toAgent } = this.#thread;
    const { opening } = toAgent;
    const { agent } = life;
    const agentId = sessionIdOf(result);
    if (agent === undefined || agentId === undefined) return;
    const remoteCwd = parent === undefined ? setup.remoteCwd : opening.cwdOf(parent, agent);
    const session = sessions.add(this.#options.clientIdOf(agentId), agentId, { ...setup, remoteCwd });
    opening.settle(session, agentId, agent, result);
    this.#options.introduction.learn({ opened: result });
    this.#thread.saveNote();
  }

  /**
   * `session/load` and `session/resume`. Where the agent holds the session, finding it again is all there is to do, but for a
   * load while no turn is open: then the client wants to be told what was said. Else the agent is asked as the client
   * asks; and if it can't, in other ways.
   */
  #open(call: Call, outgoing: Outgoing, agent: ReadyAgent, sessionId: string, setup: SessionSetup): void {
    const { sessions, toAgent } = this.#thread;
    const { gate, opening } = toAgent;
    const isNamed = sessions.find(sessionId) !== undefined;
    const session = sessions.add(sessionId, isNamed ? undefined : sessionId, setup);
    const known = session.agentId === undefined ? undefined : knownSession(sessions.note, session.agentId);
    // Of a thread whose microVM is gone with all that was kept, nothing is known but the session's name.
    const isKnown = known !== undefined || (this.#options.isOurs(sessionId) && !sessions.isRecorded);
    const isHeld = sessions.isHeld(session, agent.epoch);
    const asKnown: Reply = { is: 'result', text: known?.opened ?? '{}' };
    const isLoad = call.method === 'session/load';
    const canDoIt = (isLoad ? agent.info?.canLoad : agent.info?.canResume) !== false;
    if (isHeld && (!isLoad || known?.turn !== undefined || !canDoIt)) {
      this.#tell(call, asKnown);
      return;
    }
    const { agentId } = session;
    gate.whileOpening(session, (opened) => {
      const tell = (reply: Reply): void => {
        this.#tell(call, reply);
        opened(reply);
      };
      if (agentId === undefined || !canDoIt) {
        opening.open(session, agent, tell);
        return;
      }
      const { failed } = call;
      call.answered = (line, message) => {
        const reply = readReply(line, message);
        if (reply.is === 'error' && (isHeld || isKnown)) {
          this.#goOnWaiting(call, failed);
          if (isHeld) tell(asKnown);
          else
            opening.open(session, agent, (other) => tell(other.is === 'result' ? other : reply), call.method);
        } else {
          if (reply.is === 'result') opening.settle(session, agentId, agent, reply.text);
          else sessions.forget(session);
          this.#pass(call.id, line, message);
          opened(reply);
        }
      };
      call.failed = (error) => {
        failed(error);
        opened({ is: 'lost', error });
      };
      toAgent.send(outgoing);
    });
  }

  /** The agent has answered, but the client has not been: it may still give up, or the bridge leave. */
  #goOnWaiting(call: Call, failed: Call['failed']): void {
    call.ticket = undefined;
    call.failed = failed;
    this.#thread.calls.add(call);
  }

  /** Answers a request that the agent was not asked, or could not answer, unless it has been answered meanwhile. */
  #tell(call: Call, reply: Reply): void {
    const { calls, lane, sessions } = this.#thread;
    const [open] = calls.take((each) => each === call);
    if (open === undefined) return;
    if (reply.is === 'result') {
      const line = resultTextResponse(call.id, reply.text);
      lane.add(renamed(line, whole(line), sessions.toClient));
    } else {
      lane.add(errorResponse(call.id, reply.error));
    }
  }

  /** Passes on the agent's answer. */
  #pass(id: string, line: Uint8Array, { id: span, value }: Response): void {
    const { lane, sessions } = this.#thread;
    lane.add(renamed(line, value, sessions.toClient, [replacing(span, id)]));
  }
}
