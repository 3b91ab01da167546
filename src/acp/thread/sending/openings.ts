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
  /** Asks the agent that runs now. `onReply` is called before its next line is looked at. */
  readonly ask: (method: string, params: string, onReply: (reply: Reply) => void) => void;
  /** Sends the agent a line that need not wait for its session. */
  readonly send: (outgoing: Outgoing) => void;
  /** What has waited for a session goes on. */
  readonly submit: (outgoing: Outgoing) => void;
  /** Says a sentence in the conversation. */
  readonly say: (session: Session, text: string) => void;
  /** What an agent said of a session that it was asked for, or why it has none. */
  readonly onOpened: (reply: Reply) => void;
}

/**
 * Brings sessions to an agent that does not hold them, and keeps back what is for one until then. Where the client asks for
 * the session, the agent is asked as the client asks. Else, or if it can't, by `session/resume` where it can, by
 * `session/load`, of which the client sees nothing, or else by a new session behind the same name, which the conversation is
 * told.
 */
export class Openings {
  /** What agents tell of the past of sessions that the bridge has them load. */
  readonly replays = new ReplayGate();
  readonly #options: OpeningsOptions;
  /** The client's own requests that the agent was asked. */
  readonly #asked = new Map<ClientCall, Asked>();

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /** Whether the line goes no further by itself: its session is being opened, or it is the request that opens it. */
  hold(outgoing: Outgoing, agent: ReadyAgent): boolean {
    const { sessions } = this.#options;
    const { call, sessionId } = outgoing;
    const session = sessionId === undefined ? undefined : sessions.find(sessionId);
    const phase = session && sessions.phaseOf(session);
    if (phase?.is === 'opening') {
      phase.held.push(outgoing);
      return true;
    }
    // To delete it, the agent need not hold it.
    const mustOpen = phase?.is === 'unopened' && methodOf(outgoing) !== 'session/delete';
    const asker = call?.kind === 'client' && call.purpose.is === 'reopen' ? call : undefined;
    if (!mustOpen && asker === undefined) return false;
    const underWay = session && this.#underWay(session);
    if (underWay !== undefined) {
      underWay.held.push(outgoing);
    } else if (asker !== undefined) {
      this.#reopen(asker, outgoing, agent);
    } else if (session !== undefined) {
      const opening = sessions.beginOpening(session, undefined);
      opening.held.push(outgoing);
      this.#open({ opening, agent, refusal: undefined });
    }
    return true;
  }

  /** Whether the agent's answer to the client's request for a session is not the last word: there are other ways to get it. */
  goesOn(call: ClientCall, outcome: Extract<Outcome, { is: 'answered' }>): boolean {
    const asked = this.#asked.get(call);
    if (asked === undefined || asked.else === 'give up' || outcome.message.outcome === 'result') return false;
    this.#asked.delete(call);
    // The client has not been answered: it may still give up, or the bridge leave.
    call.state = { is: 'waiting' };
    const { attempt } = asked;
    const refusal = replyIn(outcome);
    if (asked.else === 'tell what is known') this.#finish(attempt, this.#known(attempt.opening.session));
    else this.#open({ ...attempt, refusal }, call.method);
    return true;
  }

  /** The client's request for a session was answered, or has failed: it is yet to be told. */
  learn(call: ClientCall, outcome: Outcome): void {
    const asked = this.#asked.get(call);
    if (asked === undefined || outcome.is !== 'answered') return;
    const { sessions } = this.#options;
    const { agent, opening } = asked.attempt;
    const reply = replyIn(outcome);
    if (reply.is === 'result') sessions.opened(opening.session, asked.agentId, reply.text, agent.cwd);
    else sessions.forget(opening.session);
  }

  /** The client was told. */
  settled(call: ClientCall, outcome: Outcome): void {
    const asked = this.#asked.get(call);
    if (asked === undefined || outcome.is === 'cancelled') return;
    this.#asked.delete(call);
    this.#finish(asked.attempt, replyIn(outcome));
  }

  /** The agent is gone, and no session is being opened any more. Returns what waited for that. */
  clear(): Outgoing[] {
    const { sessions } = this.#options;
    this.#asked.clear();
    const held = sessions.openings().flatMap((opening) => sessions.endOpening(opening));
    this.replays.clear();
    return held;
  }

  /** Of the lines that wait. */
  get bytes(): number {
    return this.#options.sessions.openings().reduce((sum, { held }) => sum + bytesOf(held), 0);
  }

  /** The same session of the agent's, being opened under another name: the client may have two for it. */
  #underWay({ agentId }: Session): Opening | undefined {
    if (agentId === undefined) return undefined;
    return this.#options.sessions.openings().find(({ session }) => session.agentId === agentId);
  }

  /**
   * The client asks for a session. Where the agent holds it, finding it again is all there is to do, but for a load while no
   * turn is open: then the client wants to be told what was said.
   */
  #reopen(asker: ClientCall, outgoing: Outgoing, agent: ReadyAgent): void {
    const { calls, sessions, send } = this.#options;
    if (asker.purpose.is !== 'reopen') return;
    const { sessionId, setup } = asker.purpose;
    const isNamed = sessions.find(sessionId) !== undefined;
    const session = sessions.add(sessionId, isNamed ? undefined : sessionId, setup);
    const record = sessions.recordOf(session);
    // Of a thread whose microVM is gone with all that was kept, nothing is known but the session's name.
    const isKnown = record !== undefined || (sessions.isOurs(sessionId) && !sessions.isRecorded);
    const isHeld = sessions.isHeld(session);
    const isLoad = asker.method === 'session/load';
    const canDoIt = (isLoad ? agent.info?.canLoad : agent.info?.canResume) !== false;
    if (isHeld && (!isLoad || record?.turn !== undefined || !canDoIt)) {
      calls.settle(asker, { is: 'told', result: this.#known(session).text });
      return;
    }
    const opening = sessions.beginOpening(session, asker);
    const attempt: Attempt = { opening, agent, refusal: undefined };
    const { agentId } = session;
    if (agentId === undefined || !canDoIt) {
      this.#open(attempt);
      return;
    }
    const inOtherWays = isHeld ? 'tell what is known' : isKnown ? 'try other ways' : 'give up';
    this.#asked.set(asker, { attempt, agentId, else: inOtherWays });
    send(outgoing);
  }

  /** @param failed A method that was tried in vain */
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

  /** @param sentence For the conversation, where it begins anew */
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

  /** The client is told how it went; what waited goes on, or fails in the same way. */
  #finish({ opening, refusal }: Attempt, last: Reply): void {
    const { calls, onOpened, sessions, submit } = this.#options;
    const reply = last.is === 'result' ? last : (refusal ?? last);
    if (opening.asker !== undefined) calls.settle(opening.asker, outcomeOf(reply));
    const held = sessions.endOpening(opening);
    onOpened(reply);
    if (reply.is === 'result') for (const outgoing of held) submit(outgoing);
    else this.#refuse(held, reply.error);
  }

  #refuse(held: readonly Outgoing[], error: RpcError): void {
    for (const { call } of held)
      if (call !== undefined) this.#options.calls.settle(call, { is: 'failed', error });
  }

  /** What the agent said of the session when it was opened. */
  #known(session: Session): Extract<Reply, { is: 'result' }> {
    return { is: 'result', text: this.#options.sessions.recordOf(session)?.opened ?? '{}' };
  }
}

/** How a session is brought to an agent. */
interface Attempt {
  readonly opening: Opening;
  readonly agent: ReadyAgent;
  /** What the agent said to the client's own request, which stands where no other way leads to the session. */
  readonly refusal: Reply | undefined;
}

/** A request of the client's that the agent is to answer first. */
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
