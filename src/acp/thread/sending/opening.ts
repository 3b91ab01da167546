import { noSuchSession } from '../../message/errors.ts';
import { parseObject } from '../../message/json-text.ts';
import type { ReadyAgent } from '../lifecycle.ts';
import type { Reply } from '../own-requests.ts';
import { ReplayGate } from '../replay-gate.ts';
import { openingParams, type Session } from '../session.ts';
import { type KnownSession, knownSession } from '../note.ts';
import type { ThreadSessions } from '../sessions.ts';

export interface OpeningOptions {
  readonly sessions: ThreadSessions;
  /** Asks the agent that runs now. `onReply` is called before its next line is looked at. */
  ask(method: string, params: string, onReply: (reply: Reply) => void): void;
  /** Says a sentence in the conversation. */
  say(session: Session, text: string): void;
}

/**
 * Brings sessions to an agent that does not hold them: by `session/resume` where it can, by `session/load`, of which the
 * client sees nothing, or else as a new session behind the same name, which the conversation is told.
 */
export class Opening {
  /** What agents tell of the past of sessions that the bridge has them load. */
  readonly replays = new ReplayGate();
  readonly #options: OpeningOptions;

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  /**
   * @param done Given what the agent said of the session, or why it has none
   * @param failed A method that was tried in vain
   */
  open(session: Session, agent: ReadyAgent, done: (reply: Reply) => void, failed?: string): void {
    const { agentId } = session;
    if (agentId === undefined) {
      this.#create(session, agent, done);
      return;
    }
    const ways: Way[] = [];
    if (agent.info?.canResume === true) ways.push('session/resume');
    if (agent.info?.canLoad !== false) ways.push('session/load');
    const untried = ways.filter((way) => way !== failed);
    this.#tryNext(session, agentId, agent, untried, done);
  }

  /** Opens a new session in the place of one that the agent can't bring back. */
  #replace(session: Session, agent: ReadyAgent, done: (reply: Reply) => void): void {
    this.#create(session, agent, (reply) => {
      if (reply.is === 'result') this.#options.say(session, lostConversation);
      done(reply);
    });
  }

  /** The agent has opened the session under this id, and said `result`: JSON text. */
  settle(session: Session, agentId: string, agent: ReadyAgent, result: string): void {
    const { sessions } = this.#options;
    const opened = result.length <= maxOpenedLength ? result : undefined;
    const before = session.agentId === undefined ? undefined : knownSession(sessions.note, session.agentId);
    const known: KnownSession = {
      cwd: this.cwdOf(session, agent),
      // The client need not have named it to this bridge.
      localCwd: session.setup.localCwd ?? before?.localCwd,
      opened,
    };
    sessions.settle(session, agentId, agent.epoch, known);
  }

  /** The session's directory in the microVM. */
  cwdOf(session: Session, { cwd }: ReadyAgent): string {
    const { agentId } = session;
    const known = agentId === undefined ? undefined : knownSession(this.#options.sessions.note, agentId);
    return known?.cwd ?? session.setup.remoteCwd ?? cwd;
  }

  #tryNext(
    session: Session,
    agentId: string,
    agent: ReadyAgent,
    ways: readonly Way[],
    done: (reply: Reply) => void,
  ): void {
    const { replays } = this;
    const [way, ...others] = ways;
    if (way === undefined) {
      const { isRecorded, note } = this.#options.sessions;
      const wasDeleted = isRecorded && knownSession(note, agentId) === undefined;
      if (wasDeleted) done({ is: 'error', error: noSuchSession(session.clientId) });
      else this.#replace(session, agent, done);
      return;
    }
    if (way === 'session/load') replays.begin(agentId);
    this.#options.ask(way, openingParams(session.setup, this.cwdOf(session, agent), agentId), (reply) => {
      if (reply.is === 'lost') done(reply);
      else if (reply.is === 'error') {
        replays.end(agentId);
        this.#tryNext(session, agentId, agent, others, done);
      } else {
        this.settle(session, agentId, agent, reply.text);
        if (way === 'session/load') replays.answered(agentId, () => done(reply));
        else done(reply);
      }
    });
  }

  #create(session: Session, agent: ReadyAgent, done: (reply: Reply) => void): void {
    this.#options.ask('session/new', openingParams(session.setup, this.cwdOf(session, agent)), (reply) => {
      const agentId = reply.is === 'result' ? sessionIdOf(reply.text) : undefined;
      if (reply.is === 'result' && agentId !== undefined) this.settle(session, agentId, agent, reply.text);
      done(reply);
    });
  }
}

type Way = 'session/resume' | 'session/load';

/** The `sessionId` in a result; undefined if there is none. */
export function sessionIdOf(result: string): string | undefined {
  const sessionId = parseObject(result)?.['sessionId'];
  return typeof sessionId === 'string' ? sessionId : undefined;
}

/** Models and modes as most agents list them; of longer lists the microVM keeps none. */
const maxOpenedLength = 16_384;

const lostConversation =
  'The agent could not bring back what was said before: its memory of this conversation is gone, and it begins anew.';
