import { knownSession } from './note.ts';
import type { Session, Sessions } from './sessions.ts';

export interface TurnsOptions {
  readonly sessions: Sessions;
  /** The version of ACP that the current agent speaks. */
  protocolVersion(): number;
  /** What is known of the sessions has changed. */
  onChange(): void;
  /** A turn of the session with this client's id has ended. */
  onEnded(sessionId: string): void;
}

/**
 * The turns that the agent is at, including those that an earlier bridge began. Such a turn ends with an answer to a
 * request that this bridge did not send, or from protocol version 2 on with the agent's state update.
 */
export class Turns {
  readonly #options: TurnsOptions;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get isOneOpen(): boolean {
    return this.#options.sessions.isTurnOpen;
  }

  /** Whether a turn goes on after the answer to its prompt, until the agent says that it is idle. */
  get outliveAnswers(): boolean {
    return this.#options.protocolVersion() >= 2;
  }

  /** A prompt of this session is being sent to the agent with this number. */
  began(session: Session | undefined, number: number): void {
    if (session?.agentId === undefined) return;
    this.#options.sessions.beginTurn(session.agentId, number);
    this.#options.onChange();
  }

  /** The prompt with this number was answered. */
  answered(sessionId: string, number: number): void {
    if (!this.outliveAnswers) this.ended(sessionId, number);
  }

  /** The turn of the prompt with this number has ended. */
  ended(sessionId: string, number: number): void {
    this.settled(number);
    this.#options.onEnded(sessionId);
  }

  /** The request with this number is settled: here, or it was one of an earlier bridge. */
  settled(number: number): void {
    for (const [agentId, { turn }] of Object.entries(this.#options.sessions.note.sessions)) {
      if (turn === number) this.#end(agentId);
    }
  }

  /** The agent tells the state of the session's turn. */
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
