import type { RpcError } from '../../message/json-rpc-errors.ts';
import type { ReadyAgent } from '../lifecycle.ts';
import type { OpenCalls } from '../calls.ts';
import type { Opening } from './opening.ts';
import { type Call, methodOf, type Outgoing } from '../outgoing.ts';
import type { Reply } from '../own-requests.ts';
import type { Session } from '../session.ts';
import type { ThreadSessions } from '../sessions.ts';
import { bytesOf } from './waiting-lines.ts';

export interface SessionGateOptions {
  readonly sessions: ThreadSessions;
  readonly calls: OpenCalls;
  readonly opening: Opening;
  /** What an agent said of a session that it was asked for, or why it has none. */
  onOpened(reply: Reply): void;
  /** What has waited for a session goes on. */
  submit(outgoing: Outgoing): void;
}

/** Keeps back what is for a session until the agent holds it, which it sees to. */
export class SessionGate {
  readonly #options: SessionGateOptions;

  constructor(options: SessionGateOptions) {
    this.#options = options;
  }

  /** Whether the line goes no further by itself: its session is being opened, or it is the request that opens it. */
  hold(outgoing: Outgoing, call: Call | undefined, agent: ReadyAgent): boolean {
    const { opening, sessions } = this.#options;
    const session = outgoing.sessionId === undefined ? undefined : sessions.find(outgoing.sessionId);
    if (session?.held !== undefined) {
      session.held.push(outgoing);
      return true;
    }
    const unopened = session !== undefined && this.#mustOpen(session, outgoing, agent) ? session : undefined;
    const open = call?.open;
    if (open === undefined && unopened === undefined) return false;
    const underWay = session && this.#underWay(session);
    if (underWay !== undefined) {
      underWay.push(outgoing);
    } else if (open !== undefined) {
      open(agent);
    } else if (unopened !== undefined) {
      this.whileOpening(unopened, (opened) => {
        unopened.held?.push(outgoing);
        opening.open(unopened, agent, opened);
      });
    }
    return true;
  }

  /** What is for the session waits until `open` tells how its opening went: goes on then, or fails with it. */
  whileOpening(session: Session, open: (opened: (reply: Reply) => void) => void): void {
    session.held = [];
    open((reply) => {
      const held = session.held ?? [];
      session.held = undefined;
      this.#options.onOpened(reply);
      if (reply.is === 'result') for (const outgoing of held) this.#options.submit(outgoing);
      else this.#refuse(held, reply.error);
    });
  }

  /** The agent is gone, and no session is being opened any more. Returns what waited for that. */
  clear(): Outgoing[] {
    return this.#options.sessions.all().flatMap((session) => {
      const held = session.held ?? [];
      session.held = undefined;
      return held;
    });
  }

  /** Of the lines that wait. */
  get bytes(): number {
    return this.#options.sessions.all().reduce((sum, { held }) => sum + (held ? bytesOf(held) : 0), 0);
  }

  #mustOpen(session: Session, outgoing: Outgoing, { epoch }: ReadyAgent): boolean {
    if (session.isClosed || this.#options.sessions.isHeld(session, epoch)) return false;
    // To delete it, the agent need not hold it.
    return methodOf(outgoing) !== 'session/delete';
  }

  /** What waits while the agent's session is being opened under another name: the client may have two for it. */
  #underWay({ agentId }: Session): Outgoing[] | undefined {
    if (agentId === undefined) return undefined;
    const other = this.#options.sessions
      .all()
      .find((each) => each.held !== undefined && each.agentId === agentId);
    return other?.held;
  }

  #refuse(held: readonly Outgoing[], error: RpcError): void {
    const { calls } = this.#options;
    const refused = new Set(held.map(({ number }) => (number === undefined ? undefined : calls.get(number))));
    calls.failAll((call) => refused.has(call), error);
  }
}
