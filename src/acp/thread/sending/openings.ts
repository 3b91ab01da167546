import { noSuchSession } from '../../message/errors.ts';
import type { RpcError } from '../../message/json-rpc-errors.ts';
import type { Calls, ClientCall, Outcome } from '../state/calls.ts';
import type { ReadyAgent } from '../state/lifecycle.ts';
import { bytesOf, methodOf, type Outgoing } from '../state/outgoing.ts';
import { replyIn, type Reply } from '../state/questions.ts';
import { openingParams, sessionIdOf } from '../state/session-setup.ts';
import type { Opening, Session, Sessions } from '../state/sessions.ts';
import { ReplayGate } from './replay-gate.ts';

export interface OpeningsOptions {
  readonly sessions: Sessions;
  readonly calls: Calls;
  /**
   * Sends the current agent a request of the bridge's own. `onReply` is called before the agent's next line is read.
   */
  readonly ask: (method: string, params: string, onReply: (reply: Reply) => void) => void;
  /** Puts lines that have waited for their session back in front of those that wait to be pulled. */
  readonly goOn: (held: readonly Outgoing[]) => void;
  /** Adds a sentence to the conversation. */
  readonly say: (session: Session, text: string) => void;
  /** An agent has answered a request to open a session, or could not be asked. */
  readonly onOpened: (reply: Reply) => void;
}

/**
 * Opens sessions in an agent that does not hold them, and holds lines for them back until then. If the client itself
 * asks for the session, its own request goes to the agent. Otherwise, or if the agent refuses that, the bridge tries
 * `session/resume` if the agent offers it, then `session/load`, whose replay is kept from the client, then a new
 * session behind the same name, which a sentence in the conversation tells.
 */
export class Openings {
  /** Keeps from the client what agents replay of sessions that the bridge has them load. */
  readonly replays = new ReplayGate();
  readonly #options: OpeningsOptions;
  /** The client's own requests for sessions that the agent was asked. */
  readonly #asked = new Map<ClientCall, Asked>();

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /**
   * Whether the line is not sent now: its session is being opened, or it is a request to open a session that the bridge
   * answers, or opens in another way. A held line comes back by `goOn`, or its request is settled.
   */
  hold(outgoing: Outgoing, agent: ReadyAgent): boolean {
    const { sessions } = this.#options;
    const { call, sessionId } = outgoing;
    const session = sessionId === undefined ? undefined : sessions.find(sessionId);
    const phase = session && sessions.phaseOf(session);
    if (phase?.is === 'opening') {
      phase.held.push(outgoing);
      return true;
    }
    // A session need not be open to be deleted.
    const mustOpen = phase?.is === 'unopened' && methodOf(outgoing) !== 'session/delete';
    const asker = call?.kind === 'client' && call.purpose.is === 'reopen' ? call : undefined;
    if (!mustOpen && asker === undefined) return false;
    const underWay = session && this.#underWay(session);
    if (underWay !== undefined) {
      underWay.held.push(outgoing);
    } else if (asker !== undefined) {
      return !this.#asks(asker, agent);
    } else if (session !== undefined) {
      const opening = sessions.beginOpening(session, undefined);
      opening.held.push(outgoing);
      this.#open({ opening, agent, refusal: undefined });
    }
    return true;
  }

  /** Whether the bridge tries other ways to open the session after this answer to the client's request. */
  goesOn(call: ClientCall, outcome: Extract<Outcome, { is: 'answered' }>): boolean {
    const asked = this.#asked.get(call);
    if (asked === undefined || asked.else === 'give up' || outcome.message.outcome === 'result') return false;
    this.#asked.delete(call);
    // The client has not been answered, and may still give up; the bridge may leave.
    call.state = 'waiting';
    const { attempt } = asked;
    const refusal = replyIn(outcome);
    if (asked.else === 'tell what is known') this.#finish(attempt, this.#known(attempt.opening.session));
    else this.#open({ ...attempt, refusal }, call.method);
    return true;
  }

  /** The client's request for a session was answered or has failed, and the client has not been told yet. */
  learn(call: ClientCall, outcome: Outcome): void {
    const asked = this.#asked.get(call);
    if (asked === undefined || outcome.is !== 'answered') return;
    const { sessions } = this.#options;
    const { agent, opening } = asked.attempt;
    const reply = replyIn(outcome);
    if (reply.is === 'result') sessions.opened(opening.session, asked.agentId, reply.text, agent.cwd);
    else sessions.forget(opening.session);
  }

  /** The client has been told. */
  settled(call: ClientCall, outcome: Outcome): void {
    const asked = this.#asked.get(call);
    if (asked === undefined || outcome.is === 'cancelled') return;
    this.#asked.delete(call);
    this.#finish(asked.attempt, replyIn(outcome));
  }

  /** The agent is gone, and all openings end. Returns the lines that waited for them. */
  clear(): Outgoing[] {
    const { sessions } = this.#options;
    this.#asked.clear();
    const held = sessions.openings().flatMap((opening) => sessions.endOpening(opening));
    this.replays.clear();
    return held;
  }

  /** Bytes of the lines that wait. */
  get bytes(): number {
    return this.#options.sessions.openings().reduce((sum, { held }) => sum + bytesOf(held), 0);
  }

  /** The opening of the same agent session under another name: the client may have two names for it. */
  #underWay({ agentId }: Session): Opening | undefined {
    if (agentId === undefined) return undefined;
    return this.#options.sessions.openings().find(({ session }) => session.agentId === agentId);
  }

  /**
   * The client asks for a session. If the agent holds it, the bridge answers by itself, except for a `session/load`
   * while no turn is open: then the client wants the history. Returns whether the client's request goes to the agent.
   */
  #asks(asker: ClientCall, agent: ReadyAgent): boolean {
    const { calls, sessions } = this.#options;
    if (asker.purpose.is !== 'reopen') return true;
    const { sessionId, setup } = asker.purpose;
    const isNamed = sessions.find(sessionId) !== undefined;
    const session = sessions.add(sessionId, isNamed ? undefined : sessionId, setup);
    const record = sessions.recordOf(session);
    // Of a thread whose microVM and saved files are gone, only the name of the session is known.
    const isKnown = record !== undefined || (sessions.isOurs(sessionId) && !sessions.isRecorded);
    const isHeld = sessions.isHeld(session);
    const isLoad = asker.method === 'session/load';
    const canDoIt = (isLoad ? agent.info?.canLoad : agent.info?.canResume) !== false;
    if (isHeld && (!isLoad || record?.turn !== undefined || !canDoIt)) {
      calls.settle(asker, { is: 'told', result: this.#known(session).text });
      return false;
    }
    const opening = sessions.beginOpening(session, asker);
    const attempt: Attempt = { opening, agent, refusal: undefined };
    const { agentId } = session;
    if (agentId === undefined || !canDoIt) {
      this.#open(attempt);
      return false;
    }
    const inOtherWays = isHeld ? 'tell what is known' : isKnown ? 'try other ways' : 'give up';
    this.#asked.set(asker, { attempt, agentId, else: inOtherWays });
    return true;
  }

  /** @param failed method that the agent has refused */
  #open(attempt: Attempt, failed?: string): void {
    const { info } = attempt.agent;
    const { agentId } = attempt.opening.session;
    if (agentId === undefined) {
      this.#create(attempt);
      return;
    }
    const ways: Way[] = [];
    if (info?.canResume === true) ways.push('session/resume');
    if (info?.canLoad !== false) ways.push('session/load');
    const untried = ways.filter((way) => way !== failed);
    this.#tryNext(attempt, agentId, untried);
  }

  #tryNext(attempt: Attempt, agentId: string, [way, ...others]: readonly Way[]): void {
    const { ask, sessions } = this.#options;
    const { agent, opening } = attempt;
    const { session } = opening;
    if (way === undefined) {
      const wasDeleted = sessions.isRecorded && sessions.recordOf(session) === undefined;
      if (wasDeleted) this.#finish(attempt, { is: 'error', error: noSuchSession(session.clientId) });
      else this.#create(attempt, lostConversation);
      return;
    }
    if (way === 'session/load') this.replays.begin(agentId);
    ask(way, openingParams(session.setup, sessions.cwdOf(session, agent.cwd), agentId), (reply) => {
      if (reply.is === 'error') {
        this.replays.end(agentId);
        this.#tryNext(attempt, agentId, others);
        return;
      }
      if (reply.is === 'result') sessions.opened(session, agentId, reply.text, agent.cwd);
      const isToldAfterReplay = reply.is === 'result' && way === 'session/load';
      if (isToldAfterReplay) this.replays.answered(agentId, () => this.#finish(attempt, reply));
      else this.#finish(attempt, reply);
    });
  }

  /** @param sentence added to the conversation, if it starts again without its history */
  #create(attempt: Attempt, sentence?: string): void {
    const { ask, say, sessions } = this.#options;
    const { agent, opening } = attempt;
    const { session } = opening;
    ask('session/new', openingParams(session.setup, sessions.cwdOf(session, agent.cwd)), (reply) => {
      const agentId = reply.is === 'result' ? sessionIdOf(reply.text) : undefined;
      if (reply.is === 'result' && agentId !== undefined) {
        sessions.opened(session, agentId, reply.text, agent.cwd);
      }
      if (reply.is === 'result' && sentence !== undefined) say(session, sentence);
      this.#finish(attempt, reply);
    });
  }

  /** Tells the client the result. Lines that waited are sent, or fail with the same error. */
  #finish({ opening, refusal }: Attempt, last: Reply): void {
    const { calls, goOn, onOpened, sessions } = this.#options;
    const reply = last.is === 'result' ? last : (refusal ?? last);
    if (opening.asker !== undefined) calls.settle(opening.asker, outcomeOf(reply));
    const held = sessions.endOpening(opening);
    onOpened(reply);
    if (reply.is === 'result') goOn(held);
    else this.#refuse(held, reply.error);
  }

  #refuse(held: readonly Outgoing[], error: RpcError): void {
    for (const { call } of held)
      if (call !== undefined) this.#options.calls.settle(call, { is: 'failed', error });
  }

  /** What the agent answered when the session was opened. */
  #known(session: Session): Extract<Reply, { is: 'result' }> {
    return { is: 'result', text: this.#options.sessions.recordOf(session)?.opened ?? '{}' };
  }
}

/** The opening of a session in one agent. */
interface Attempt {
  readonly opening: Opening;
  readonly agent: ReadyAgent;
  /** The agent's refusal of the client's own request. The client gets it if the other ways fail, too. */
  readonly refusal: Reply | undefined;
}

/** A request of the client's that the agent has to answer first. */
interface Asked {
  readonly attempt: Attempt;
  readonly agentId: string;
  /** What to do if the agent refuses. */
  readonly else: 'tell what is known' | 'try other ways' | 'give up';
}

type Way = 'session/resume' | 'session/load';

function outcomeOf(reply: Reply): Outcome {
  return reply.is === 'result' ? { is: 'told', result: reply.text } : { is: 'failed', error: reply.error };
}

const lostConversation =
  'The agent could not bring back what was said before: its memory of this conversation is gone, and it begins anew.';
