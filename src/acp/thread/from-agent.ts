import type { Log } from '../../base/log.ts';
import type { AgentRequests, Asker } from '../client/agent-requests.ts';
import { oversizedAnswer, unreadableAnswer } from '../message/errors.ts';
import { errorResponse, type RpcError } from '../message/json-rpc-errors.ts';
import { memberOf, stringAt } from '../message/json-scanner.ts';
import { replacing, textAt } from '../message/json-text.ts';
import {
  type Invalid,
  type Notification,
  readHead,
  readMessage,
  type Request,
  type Response,
} from '../message/message.ts';
import type { Openings } from './sending/openings.ts';
import type { Calls } from './state/calls.ts';
import { opensNew } from './state/session-setup.ts';
import { renamed, sessionIdsIn } from '../message/session-text.ts';
import type { Edit } from '../message/splice.ts';
import type { Sessions } from './state/sessions.ts';
import type { Turns } from './state/turns.ts';

export interface FromAgentOptions {
  readonly asker: Asker;
  readonly calls: Calls;
  readonly agentRequests: AgentRequests;
  readonly sessions: Sessions;
  readonly openings: Openings;
  readonly turns: Turns;
  /** The agent says that it could not read a line. */
  onUnreadable(): void;
  /** The agent used the id of a session that was never opened by that id: a subagent's. */
  onStranger(sessionId: string): void;
  readonly log: Log;
}

/**
 * Reads the agent's lines, and passes on those for the client, with the client's ids of sessions and the bridge's
 * request ids.
 */
export class FromAgent {
  readonly #options: FromAgentOptions;
  #hasSpoken = false;

  constructor(options: FromAgentOptions) {
    this.#options = options;
  }

  /** Whether the agent of this epoch has written a message. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  beginEpoch(): void {
    this.#hasSpoken = false;
  }

  read(line: Uint8Array, start: number): void {
    const { asker, agentRequests, log } = this.#options;
    const message = readMessage(line);
    if (message.is === 'invalid') {
      this.#onNoise(line, message);
      return;
    }
    this.#hasSpoken = true;
    switch (message.is) {
      case 'orphan':
        // The bridge never sends such a line, so bytes were damaged on the way.
        log.debug('the agent could not read a line');
        this.#options.onUnreadable();
        return;
      case 'response':
        this.#answer(line, message);
        return;
      case 'request':
        this.#pass(line, message, [agentRequests.open(asker, line, message.id, start)]);
        return;
      case 'notification':
        if (message.method === '$/cancel_request') agentRequests.cancel(asker, line, message.params);
        else if (!this.#isKeptBack(line, message)) this.#pass(line, message, []);
    }
  }

  /** Handles a line that was too long to hold. `head` is its beginning. */
  readOversized(head: Uint8Array): void {
    const { asker, log } = this.#options;
    log.warn('a message of the agent is over the limit: dropped');
    const { id, looksLike } = readHead(head);
    if (id === undefined) return;
    if (looksLike === 'call') asker.reply(errorResponse(textAt(head, id), oversizedAnswer));
    else this.#answerInstead(textAt(head, id), oversizedAnswer);
  }

  #answer(line: Uint8Array, message: Response): void {
    const { calls, log, openings, turns } = this.#options;
    const call = calls.answeredBy(line, message);
    if (call === undefined) {
      log.debug('the agent answered a request that is not open: dropped');
      turns.settled(Number(textAt(line, message.id)));
      return;
    }
    const outcome = { is: 'answered', line, message } as const;
    if (call.kind === 'own' || !openings.goesOn(call, outcome)) calls.settle(call, outcome);
  }

  /** Settles a call whose answer is unusable with an error. The agent goes on, and counts as having answered. */
  #answerInstead(id: string, error: RpcError): void {
    const line = errorResponse(id, error);
    const message = readMessage(line);
    if (message.is === 'response') this.#answer(line, message);
  }

  #pass(line: Uint8Array, message: Request | Notification, own: Edit[]): void {
    const { asker, sessions } = this.#options;
    for (const id of sessionIdsIn(line, message.params)) this.#meet(id);
    const edits = [...own, ...this.#requestIds(line, message)];
    asker.lane.add(renamed(line, message.params, sessions.toClient, edits));
  }

  #meet(sessionId: string): void {
    const { calls, sessions } = this.#options;
    if (sessions.knows(sessionId) || sessions.toClient.has(sessionId)) return;
    // Some agents use the id of a session before they answer the request for it.
    if (calls.all().some(({ method }) => opensNew(method))) sessions.anticipate(sessionId);
    else this.#options.onStranger(sessionId);
  }

  /** Puts the client's request id into an elicitation that belongs to a request. */
  #requestIds(line: Uint8Array, { method, params }: Request | Notification): Edit[] {
    const span = method.startsWith('elicitation/') ? memberOf(line, params, 'requestId') : undefined;
    if (span === undefined) return [];
    const call = this.#options.calls.get(Number(textAt(line, span)));
    return call?.kind === 'client' ? [replacing(span, call.id)] : [];
  }

  #isKeptBack(line: Uint8Array, { method, params }: Notification): boolean {
    const { openings, turns } = this.#options;
    const { replays } = openings;
    // Updates may be long: they are parsed only if that is needed.
    if (method !== 'session/update' || !(replays.isActive || turns.outliveAnswers)) return false;
    const sessionId = stringAt(line, memberOf(line, params, 'sessionId'));
    if (sessionId === undefined) return false;
    const update = memberOf(line, params, 'update');
    const kind = stringAt(line, memberOf(line, update, 'sessionUpdate'));
    const state = kind === 'state_update' ? stringAt(line, memberOf(line, update, 'state')) : undefined;
    if (state !== undefined) turns.onState(sessionId, state);
    return replays.holds(sessionId, kind);
  }

  /** Drops a line that is no message, unless it looks like the answer that somebody waits for. */
  #onNoise(line: Uint8Array, { id, looksLike }: Invalid): void {
    this.#options.log.debug('the agent wrote a line that is no message: dropped', { bytes: line.length });
    if (id !== undefined && looksLike !== 'call') this.#answerInstead(textAt(line, id), unreadableAnswer);
  }
}
