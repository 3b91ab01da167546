import type { AgentLink, SaveResult } from '../../../agent/agent-link.ts';
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
import { type Outgoing, outgoing as outgoingOf } from '../state/outgoing.ts';
import { question, type Reply, replyIn } from '../state/questions.ts';
import type { Sessions } from '../state/sessions.ts';
import type { Turns } from '../state/turns.ts';
import { type CancelPolicy, Cancels, isWithdrawn } from './cancels.ts';
import { Openings } from './openings.ts';
import { Progress } from './progress.ts';
import { SaveNotice } from './save-notice.ts';
import { Sender } from './sender.ts';
import { takenBack } from './taken-back.ts';
import { ThisLife } from './this-life.ts';
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
 * Lines on their way to a thread's agent. Each waits until an agent has been introduced and holds the session, and
 * until a cancelled turn before it has ended.
 */
export class ToAgent {
  readonly openings: Openings;
  readonly #options: ToAgentOptions;
  readonly #sender: Sender;
  readonly #thisLife: ThisLife;
  readonly #waiting: WaitingLines;
  readonly #cancels: Cancels;
  readonly #progress: Progress;
  readonly #saveNotice = new SaveNotice();
  /** Lines that go before the next one. They do not bring back a shell that was let go of. */
  #inPassing: Outgoing[] = [];

  constructor(options: ToAgentOptions) {
    const { calls, lane, life, link, policy, sessions } = options;
    this.#options = options;
    this.#sender = new Sender({ link, calls, sessions });
    this.#thisLife = new ThisLife(link);
    this.#waiting = new WaitingLines(calls);
    this.openings = new Openings({
      sessions,
      calls,
      ask: (method, params, onReply) => this.ask(method, params, onReply),
      send: (outgoing) => this.send(outgoing),
      submit: (outgoing) => this.submit(outgoing),
      say: ({ clientId }, text) => lane.add(sayInConversation(clientId, text)),
      onOpened: (reply) => {
        options.onOpened(reply);
        this.#waiting.ease();
      },
    });
    this.#cancels = new Cancels(policy.cancel, calls, link, () =>
      life.replace(slowToCancel(policy.cancel.graceMs)),
    );
    this.#progress = new Progress({
      isWaiting: (prompt) => (prompt.state.is === 'waiting' || life.isComingBack) && calls.has(prompt),
      tell: ({ sessionId }) => {
        if (sessionId !== undefined) lane.add(thinkInConversation(sessionId, 'The workspace is starting…'));
      },
    });
  }

  /** As `submit`, but if the shell was let go of the line waits until another one is sent there. */
  submitInPassing(outgoing: Outgoing): void {
    if (this.#options.life.isLetGo) this.#inPassing.push(outgoing);
    else this.submit(outgoing);
  }

  /** Sends the line as soon as an agent is ready for it. Has one started if necessary. */
  submit(outgoing: Outgoing): void {
    const { calls, life } = this.#options;
    for (const each of this.#inPassing.splice(0)) this.submit(each);
    const { call } = outgoing;
    const { agent, error } = life;
    if (error !== undefined) {
      if (call !== undefined) calls.settle(call, { is: 'failed', error });
    } else if (agent === undefined) {
      this.#waiting.push(outgoing);
      life.wake();
      this.#showProgress(call);
    } else {
      this.#pass(outgoing, agent);
    }
    this.#options.onSaid();
  }

  /** Sends the line to the current agent. */
  send(outgoing: Outgoing): void {
    const { life, remote, sessions, turns } = this.#options;
    const session = outgoing.sessionId === undefined ? undefined : sessions.find(outgoing.sessionId);
    const { agent } = life;
    this.#sender.send(outgoing, (localCwd) => {
      if (session !== undefined && agent !== undefined) return sessions.cwdOf(session, agent.cwd);
      return mappedPath(localCwd, remote) ?? life.cwd;
    });
    const { call } = outgoing;
    if (call?.method === 'session/prompt') {
      turns.began(session, call.number);
      if (life.isComingBack) this.#showProgress(call);
      this.#tellOfSaves(call);
    }
  }

  /**
   * Sends the current agent a request of the bridge's own.
   *
   * @param params JSON text in the microVM's terms: a `cwd` in it is a directory there
   */
  ask(method: string, params: string, onReply: (reply: Reply) => void): void {
    const call = this.#options.calls.add({
      kind: 'own',
      purpose: 'question',
      method,
      sessionId: undefined,
      request: undefined,
      onSettled: (outcome) => {
        if (outcome.is !== 'cancelled') onReply(replyIn(outcome));
      },
    });
    this.#sender.send(outgoingOf(call, question(method, params)), (remoteCwd) => remoteCwd);
  }

  /** Sends the client's answer to a request of the agent's. */
  reply(line: Uint8Array): void {
    this.#thisLife.send(renamed(line, whole(line), this.#options.sessions.toAgent));
    this.#options.onSaid();
  }

  /** @param line the client's `session/cancel` */
  cancelTurn(sessionId: string, line: Uint8Array, message: Notification): void {
    const { life, sessions } = this.#options;
    this.#cancels.cancel(sessionId, () => {
      // An earlier bridge may have left an agent at work.
      if (life.is === 'unbegun') this.submit({ is: 'fresh', line, message, call: undefined, sessionId });
      else if (life.hasAgent)
        this.#thisLife.send(renamed(line, message.params, sessions.toAgent), { urgent: true });
    });
    this.#waiting.prune();
    this.#options.onSaid();
  }

  /** @param line the client's `$/cancel_request`, with the id of the request at `span` */
  cancelRequest(line: Uint8Array, span: Span): void {
    const { calls, link } = this.#options;
    const call = calls.ofClient(textAt(line, span));
    if (call === undefined) return;
    if (isWithdrawn(call, link)) calls.settle(call, { is: 'failed', error: neverSent });
    else this.#thisLife.send(splice(line, [replacing(span, String(call.number))]), { urgent: true });
    this.#waiting.prune();
    this.#options.onSaid();
  }

  /** A turn of this session has ended: sends the lines that waited for that. */
  turnEnded(sessionId: string): void {
    for (const outgoing of this.#cancels.turnEnded(sessionId)) this.submit(outgoing);
  }

  /** An agent is ready: sends the lines that waited for one. */
  goOn(): void {
    for (const outgoing of this.#waiting.takeAll()) this.submit(outgoing);
  }

  /** Another agent has replaced the last one: lines that were not sent to that one wait for this one. */
  beginEpoch(): void {
    const { calls, link, sessions } = this.#options;
    this.#waiting.putBefore([
      ...takenBack(link, this.#thisLife, calls, sessions),
      ...this.openings.clear(),
      ...this.#cancels.clear(),
    ]);
    this.#thisLife.end();
  }

  /** A save of what the agent remembers had another result than the one before. */
  saved(result: SaveResult): void {
    this.#saveNotice.heard(result);
  }

  /** Drops the lines that wait for an agent; their requests have been answered. */
  clear(): void {
    this.#waiting.takeAll();
  }

  /** Stops the timers. */
  stop(): void {
    this.#progress.stop();
    this.openings.clear();
    this.#cancels.clear();
  }

  /** Whether a line waits for an agent. */
  get isWaiting(): boolean {
    return !this.#waiting.isEmpty;
  }

  /** Bytes from the client that are not known to have arrived. */
  get pendingBytes(): number {
    return this.#waiting.bytes + this.openings.bytes + this.#options.link.pendingBytes;
  }

  /** Resolves when fewer bytes are pending. */
  async eased(): Promise<void> {
    const { link } = this.#options;
    const { pendingBytes } = link;
    const drained = pendingBytes > 0 ? [link.drained(Math.floor(pendingBytes / 2))] : [];
    await Promise.race([this.#waiting.eased(), ...drained]);
  }

  /** Sends a line to an agent that is ready, unless a turn or its session has to be waited for. */
  #pass(outgoing: Outgoing, agent: ReadyAgent): void {
    const { call } = outgoing;
    // The request was answered while it waited.
    if (call !== undefined && !this.#options.calls.has(call)) return;
    if (this.#cancels.hold(outgoing)) return;
    if (this.openings.hold(outgoing, agent)) this.#showProgress(call);
    else this.send(outgoing);
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
