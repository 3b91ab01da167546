import { knownSession } from './note.ts';
import type { Session, Sessions } from './sessions.ts';

export interface TurnsOptions {
  readonly sessions: Sessions;
  /** Of ACP, as the agent that runs now speaks it. */
  protocolVersion(): number;
  /** What is known of the sessions has changed. */
  onChange(): void;
  /** A turn of this session, as the client calls it, has ended. */
  onEnded(sessionId: string): void;
}

/**
 * The turns that the agent is at, also those that an earlier bridge began: these end with an answer that nobody waits for any
 * more, or from protocol version 2 on with a word of the agent's.
 */
export class Turns {
  readonly #options: TurnsOptions;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get isOneOpen(): boolean {
    return this.#options.sessions.isTurnOpen;
  }

  /** Whether a turn goes on behind the answer to its prompt, until the agent says that it is idle. */
  get outliveAnswers(): boolean {
    return this.#options.protocolVersion() >= 2;
  }

  /** A prompt of this session goes to the agent under this number. */
  began(session: Session | undefined, number: number): void {
    if (session?.agentId === undefined) return;
    this.#options.sessions.beginTurn(session.agentId, number);
    this.#options.onChange();
  }

  /** The prompt of this number was answered. */
  answered(sessionId: string, number: number): void {
    if (!this.outliveAnswers) this.ended(sessionId, number);
  }

  /** There is no more to the turn of this prompt. */
  ended(sessionId: string, number: number): void {
    this.settled(number);
    this.#options.onEnded(sessionId);
  }

  /** The request of this number is done with: here, or as one that an earlier bridge sent. */
  settled(number: number): void {
    for (const [agentId, { turn }] of Object.entries(this.#options.sessions.note.sessions)) {
      if (turn === number) this.#end(agentId);
    }
  }

  /** The agent says what the session's turn is at. */
  onState(agentId: string, state: string): void {
    if (state !== 'idle') return;
    this.#end(agentId);
    this.#options.onEnded(this.#options.sessions.withAgentId(agentId)?.clientId ?? agentId);
  }

  #end(agentId: string): void {
    const { sessions } = this.#options;
    if (knownSession(sessions.note, agentId)?.turn === undefined) return;
    sessions.update(agentId, { turn: undefined });
    this.#options.onChange();
  }
}
