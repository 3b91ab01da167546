import type { Introduction, Repeated } from '../client/introduction.ts';
import type { OutputLane } from '../client/output.ts';
import { errorResponse, resultResponse, resultTextResponse, rpcCodes } from '../message/json-rpc-errors.ts';
import { whole } from '../message/json-scanner.ts';
import { replacing, textAt } from '../message/json-text.ts';
import { renamed } from '../message/session-text.ts';
import type { Openings } from './sending/openings.ts';
import type { Call, ClientCall, Outcome, Purpose } from './state/calls.ts';
import type { Lifecycle } from './state/lifecycle.ts';
import type { NoSession } from './options.ts';
import { replyIn } from './state/questions.ts';
import { sessionIdOf } from './state/session-setup.ts';
import type { SessionNaming, Sessions } from './state/sessions.ts';
import type { Turns } from './state/turns.ts';

export interface SettlementOptions {
  readonly lane: OutputLane;
  readonly life: Lifecycle;
  readonly sessions: Sessions;
  readonly turns: Turns;
  readonly openings: Openings;
  readonly introduction: Introduction;
  readonly naming: SessionNaming;
  /** The agent has opened a session; `clientId` is the client's name for it. */
  readonly onSession: (clientId: string) => void;
  /** A session that the client asked for could not be opened. */
  readonly onNoSession: (why: NoSession) => void;
  /** The agent has accepted `authenticate` or `logout`. */
  readonly onLogin: (request: Repeated) => void;
  /** What is known of the sessions has changed. */
  readonly onChange: () => void;
}

/** Applies the outcome of a request: answers the client, and updates the sessions and the turns. */
export class Settlement {
  readonly #options: SettlementOptions;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** Called exactly once for each call. */
  settle(call: Call, outcome: Outcome): void {
    if (call.kind === 'own') {
      call.onSettled(outcome);
      return;
    }
    const { lane, openings, turns } = this.#options;
    const { number, purpose } = call;
    const isResult = outcome.is === 'answered' && outcome.message.outcome === 'result';
    if (isResult) this.#learn(purpose, textAt(outcome.line, outcome.message.value));
    openings.learn(call, outcome);
    lane.add(this.#answer(call, outcome));
    openings.settled(call, outcome);
    if (purpose.is === 'new' && !isResult) this.#options.onNoSession(whyNot(outcome));
    if (purpose.is !== 'prompt') return;
    if (outcome.is === 'answered') turns.answered(purpose.sessionId, number);
    else if (outcome.is === 'failed') turns.ended(purpose.sessionId, number);
    else turns.settled(number);
  }

  /** Makes the line that answers the client. */
  #answer({ id }: ClientCall, outcome: Outcome): Uint8Array {
    const { toClient } = this.#options.sessions;
    if (outcome.is === 'failed') return errorResponse(id, outcome.error);
    if (outcome.is === 'cancelled') return resultResponse(id, { stopReason: 'cancelled' });
    if (outcome.is === 'answered') {
      const { line, message } = outcome;
      return renamed(line, message.value, toClient, [replacing(message.id, id)]);
    }
    const line = resultTextResponse(id, outcome.result);
    return renamed(line, whole(line), toClient);
  }

  /** @param result the agent's, as JSON text */
  #learn(purpose: Purpose, result: string): void {
    const { introduction, sessions, onChange, onLogin } = this.#options;
    switch (purpose.is) {
      case 'new':
        this.#onNewSession(purpose, result);
        return;
      case 'close':
        this.#onClosed(purpose.sessionId);
        return;
      case 'delete': {
        const deleted = sessions.find(purpose.sessionId);
        if (deleted !== undefined) sessions.forget(deleted);
        onChange();
        return;
      }
      case 'authenticate':
        introduction.authenticate = purpose.request;
        onLogin(purpose.request);
        return;
      case 'logout':
        introduction.authenticate = undefined;
        onLogin(purpose.request);
        return;
      case 'prompt':
      case 'reopen':
      case 'other':
    }
  }

  #onNewSession({ parent, setup }: Extract<Purpose, { is: 'new' }>, result: string): void {
    const { introduction, life, naming, onChange, onSession, sessions } = this.#options;
    const { agent } = life;
    const agentId = sessionIdOf(result);
    if (agent === undefined || agentId === undefined) return;
    const origin = parent === undefined ? undefined : sessions.find(parent);
    // A fork is in the directory of its origin.
    const remoteCwd = origin === undefined ? setup.remoteCwd : sessions.cwdOf(origin, agent.cwd);
    const clientId = naming.clientIdOf(agentId);
    onSession(clientId);
    const session = sessions.add(clientId, agentId, { ...setup, remoteCwd });
    sessions.opened(session, agentId, result, agent.cwd);
    introduction.learn({ opened: result });
    onChange();
  }

  #onClosed(sessionId: string): void {
    const { life, onChange, sessions } = this.#options;
    const closed = sessions.find(sessionId);
    if (life.agent === undefined || closed?.agentId === undefined) return;
    sessions.close(closed);
    onChange();
    // If no session is held any more, the microVM may be reclaimed.
    if (!sessions.all().some((each) => sessions.isHeld(each))) life.letGo();
  }
}

function whyNot(outcome: Outcome): NoSession {
  const reply = outcome.is === 'cancelled' ? undefined : replyIn(outcome);
  return reply?.is === 'error' && reply.error.code === rpcCodes.authRequired ? 'login' : 'other';
}
