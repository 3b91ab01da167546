import type { AgentInput, AgentLink, SaveResult } from '../../../agent/agent-link.ts';
import type { Introduction } from '../../client/introduction.ts';
import type { OutputLane } from '../../client/output.ts';
import { mappedPath, type RemoteViewOptions } from '../../client/remote-view.ts';
import { neverSent, slowToCancel } from '../../message/errors.ts';
import { type Span, whole } from '../../message/json-scanner.ts';
import { replacing, textAt } from '../../message/json-text.ts';
import type { Notification } from '../../message/message.ts';
import { renamed } from '../../message/session-text.ts';
import { splice } from '../../message/splice.ts';
import { sayInConversation, thinkInConversation } from '../../message/updates.ts';
import type { Call, Calls } from '../state/calls.ts';
import type { Lifecycle, ReadyAgent } from '../state/lifecycle.ts';
import { bytesOf, type Outgoing, outgoing as outgoingOf } from '../state/outgoing.ts';
import { question, type Reply, replyIn } from '../state/questions.ts';
import type { Sessions } from '../state/sessions.ts';
import type { Turns } from '../state/turns.ts';
import { inAgentTerms } from './agent-terms.ts';
import { type CancelPolicy, Cancels } from './cancels.ts';
import { Openings } from './openings.ts';
import { Progress } from './progress.ts';
import { SaveNotice } from './save-notice.ts';
import { WaitingLines } from './waiting-lines.ts';

export interface ToAgentOptions {
  readonly link: AgentLink;
  readonly life: Lifecycle;
  readonly lane: OutputLane;
  readonly calls: Calls;
  readonly sessions: Sessions;
  readonly turns: Turns;
  readonly introduction: Introduction;
  readonly policy: { readonly cancel: CancelPolicy; readonly progress: boolean };
  readonly remote: Pick<RemoteViewOptions, 'map'>;
  /** An agent has answered a request to open a session, or could not be asked. */
  onOpened(reply: Reply): void;
  /** A line was sent to the agent, or waits for it. */
  onSaid(): void;
}

/**
 * Lines for a thread's agent, until the link pulls them. Each waits until an agent has been introduced and holds the
 * session, and until a cancelled turn before it has ended. A line is put in the agent's terms when it is pulled, so a new
 * agent changes nothing about the lines that wait.
 */
export class ToAgent implements AgentInput {
  readonly openings: Openings;
  readonly #options: ToAgentOptions;
  /**
   * Lines that only the current agent understands, in its terms: cancels, answers to its requests, and the bridge's own
   * requests. They go before all lines that wait, and are dropped when another agent takes its place.
   */
  #forThisAgent: AgentLine[] = [];
  readonly #waiting: WaitingLines;
  readonly #cancels: Cancels;
  readonly #progress: Progress;
  readonly #saveNotice = new SaveNotice();
  /** The request that was pulled last. Undefined if the last line was not a request. */
  #lastPulled: Call | undefined;

  constructor(options: ToAgentOptions) {
    const { calls, lane, life, policy, sessions } = options;
    this.#options = options;
    this.#waiting = new WaitingLines(calls);
    this.openings = new Openings({
      sessions,
      calls,
      ask: (method, params, onReply) => this.ask(method, params, onReply),
      goOn: (held) => this.#putBack(held),
      say: ({ clientId }, text) => lane.add(sayInConversation(clientId, text)),
      onOpened: (reply) => {
        options.onOpened(reply);
        this.#waiting.ease();
      },
    });
    this.#cancels = new Cancels(
      policy.cancel,
      calls,
      (call) => this.#withdraw(call),
      () => life.replace(slowToCancel(policy.cancel.graceMs)),
    );
    this.#progress = new Progress({
      isWaiting: (prompt) => prompt.state === 'waiting' && calls.has(prompt),
      tell: ({ sessionId }) => {
        if (sessionId !== undefined) lane.add(thinkInConversation(sessionId, 'The workspace is starting…'));
      },
    });
  }

  waiting(): number {
    const { agent } = this.#options.life;
    return this.#forThisAgent.length + (agent === undefined ? 0 : this.#waiting.length);
  }

  next(): Uint8Array | undefined {
    const { agent } = this.#options.life;
    for (;;) {
      const own = this.#forThisAgent.shift();
      if (own !== undefined) {
        this.#waiting.ease();
        return this.#pulled(own);
      }
      if (agent === undefined) return undefined;
      const outgoing = this.#waiting.shift();
      if (outgoing === undefined) return undefined;
      if (!this.#isHeld(outgoing, agent)) return this.#pass(outgoing);
    }
  }

  /** As `submit`, but if the shell was let go of the line waits until another one is sent there. */
  submitInPassing(outgoing: Outgoing): void {
    if (this.#options.life.isLetGo) this.#waiting.push(outgoing);
    else this.submit(outgoing);
  }

  /** Has the line sent as soon as an agent is ready for it. Has one started if necessary. */
  submit(outgoing: Outgoing): void {
    const { calls, life, link } = this.#options;
    const { call } = outgoing;
    const { agent, error } = life;
    if (error !== undefined) {
      if (call !== undefined) calls.settle(call, { is: 'failed', error });
    } else {
      this.#waiting.push(outgoing);
      if (agent === undefined) life.wake();
      else link.ready();
      if (agent === undefined || life.isComingBack) this.#showProgress(call);
    }
    this.#options.onSaid();
  }

  /** Has the line sent to the current agent, before all lines that wait. */
  send(outgoing: Outgoing): void {
    this.#sendNow({ line: this.#inAgentTerms(outgoing), call: outgoing.call });
  }

  /**
   * Sends the current agent a request of the bridge's own.
   *
   * @param params JSON text in the microVM's terms: a `cwd` in it is a directory there
   */
  ask(method: string, params: string, onReply: (reply: Reply) => void): void {
    const { calls, sessions } = this.#options;
    const call = calls.add({
      kind: 'own',
      purpose: 'question',
      method,
      sessionId: undefined,
      onSettled: (outcome) => {
        if (outcome.is !== 'cancelled') onReply(replyIn(outcome));
      },
    });
    const asked = outgoingOf(call, question(method, params));
    this.#sendNow({ line: inAgentTerms(asked, sessions.toAgent, (remoteCwd) => remoteCwd), call });
  }

  /** Sends the client's answer to a request of the agent's. */
  reply(line: Uint8Array): void {
    this.#sendNow({ line: renamed(line, whole(line), this.#options.sessions.toAgent), call: undefined });
    this.#options.onSaid();
  }

  /** @param line the client's `session/cancel` */
  cancelTurn(sessionId: string, line: Uint8Array, message: Notification): void {
    const { life, sessions } = this.#options;
    this.#cancels.cancel(sessionId, () => {
      // An earlier bridge may have left an agent at work.
      if (life.is === 'unbegun') this.submit({ line, message, call: undefined, sessionId });
      else if (life.hasAgent) this.#sendFirst(renamed(line, message.params, sessions.toAgent));
    });
    this.#waiting.prune();
    this.#options.onSaid();
  }

  /** @param line the client's `$/cancel_request`, with the id of the request at `span` */
  cancelRequest(line: Uint8Array, span: Span): void {
    const { calls } = this.#options;
    const call = calls.ofClient(textAt(line, span));
    if (call === undefined) return;
    if (this.#withdraw(call)) calls.settle(call, { is: 'failed', error: neverSent });
    else this.#sendFirst(splice(line, [replacing(span, String(call.number))]));
    this.#waiting.prune();
    this.#options.onSaid();
  }

  /** A turn of this session has ended: sends the lines that waited for that. */
  turnEnded(sessionId: string): void {
    this.#putBack(this.#cancels.turnEnded(sessionId));
  }

  /** An agent is ready: sends the lines that waited for one. */
  goOn(): void {
    if (this.waiting() > 0) this.#options.link.ready();
  }

  /** Another agent has replaced the last one: lines that were held back for that one wait for this one. */
  beginEpoch(): void {
    this.#forThisAgent = [];
    this.#waiting.putBefore([...this.openings.clear(), ...this.#cancels.clear()]);
  }

  /**
   * The bridge leaves, and is about to answer all open requests. The lines that the agent could be sent now are put in its
   * terms, so that the link still sends them if the time allows it.
   */
  leave(): void {
    const last: AgentLine[] = [];
    for (let line = this.next(); line !== undefined; line = this.next()) last.push({ line, call: undefined });
    this.#forThisAgent = last;
  }

  /** A save of what the agent remembers had another result than the one before. */
  saved(result: SaveResult): void {
    this.#saveNotice.heard(result);
  }

  /** Drops the lines that wait for an agent; their requests have been answered. */
  clear(): void {
    this.#waiting.clear();
  }

  /** Stops the timers. */
  stop(): void {
    this.#progress.stop();
    this.openings.clear();
    this.#cancels.clear();
  }

  /** Whether a line waits for an agent. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Bytes from the client that are not known to have arrived. */
  get pendingBytes(): number {
    const own = bytesOf(this.#forThisAgent);
    return own + this.#waiting.bytes + this.openings.bytes + this.#options.link.pendingBytes;
  }

  /** Resolves when fewer bytes are pending. */
  async eased(): Promise<void> {
    const { link } = this.#options;
    const { pendingBytes } = link;
    const drained = pendingBytes > 0 ? [link.drained(Math.floor(pendingBytes / 2))] : [];
    await Promise.race([this.#waiting.eased(), ...drained]);
  }

  /** Whether a line has to wait for the end of a turn or for its session, although the agent is ready. */
  #isHeld(outgoing: Outgoing, agent: ReadyAgent): boolean {
    if (this.#cancels.hold(outgoing)) return true;
    const isHeld = this.openings.hold(outgoing, agent);
    if (isHeld) this.#showProgress(outgoing.call);
    return isHeld;
  }

  /** The line as it goes to the current agent. If it is a prompt, its turn begins. */
  #pass(outgoing: Outgoing): Uint8Array {
    const { sessions, turns } = this.#options;
    const { call, sessionId } = outgoing;
    const line = this.#inAgentTerms(outgoing);
    if (call?.method === 'session/prompt') {
      turns.began(sessionId === undefined ? undefined : sessions.find(sessionId), call.number);
      this.#tellOfSaves(call);
    }
    return this.#pulled({ line, call });
  }

  #pulled({ line, call }: AgentLine): Uint8Array {
    this.#lastPulled = call;
    if (call !== undefined) call.state = 'sent';
    return line;
  }

  /** Keeps a request from the agent, or the rest of it. False if the agent may have read all of it. */
  #withdraw(call: Call): boolean {
    return call.state === 'waiting' || (call === this.#lastPulled && this.#options.link.cutLast());
  }

  #sendNow(line: AgentLine): void {
    this.#forThisAgent.push(line);
    this.#options.link.ready();
  }

  /** Sends a cancel before everything else. */
  #sendFirst(line: Uint8Array): void {
    this.#forThisAgent.unshift({ line, call: undefined });
    this.#options.link.ready();
  }

  /** Puts lines that were held back in front of those that came later. */
  #putBack(held: readonly Outgoing[]): void {
    if (held.length === 0) return;
    this.#waiting.putBefore(held);
    this.goOn();
    this.#options.onSaid();
  }

  #inAgentTerms(outgoing: Outgoing): Uint8Array {
    const { life, remote, sessions } = this.#options;
    const session = outgoing.sessionId === undefined ? undefined : sessions.find(outgoing.sessionId);
    return inAgentTerms(outgoing, sessions.toAgent, (localCwd) =>
      session === undefined ? (mappedPath(localCwd, remote) ?? life.cwd) : sessions.cwdOf(session, life.cwd),
    );
  }

  #tellOfSaves({ sessionId }: Call): void {
    const notice = sessionId === undefined ? undefined : this.#saveNotice.take();
    if (sessionId !== undefined && notice !== undefined) {
      this.#options.lane.add(sayInConversation(sessionId, notice));
    }
  }

  /** Starts the timer of the progress message, if the request waits for the workspace. */
  #showProgress(call: Call | undefined): void {
    const { introduction, policy } = this.#options;
    if (call?.method !== 'session/prompt' || !policy.progress || introduction.wantsNoProgress) return;
    this.#progress.begin(call);
  }
}

/** A line in the terms of the current agent. */
interface AgentLine {
  readonly line: Uint8Array;
  /** Undefined if the line is not a request, or if its request has been answered already. */
  readonly call: Call | undefined;
}
