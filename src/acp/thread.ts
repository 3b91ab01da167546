import type { AgentExit, AgentLink, EpochEvent } from '../agent/agent-link.ts';
import type { BridgeError } from '../base/errors.ts';
import type { Asker } from './agent-calls.ts';
import { agentCannotStart, agentExited, exitAnswer, neverSent, slowToCancel } from './agent-errors.ts';
import { Cancels } from './cancels.ts';
import type { OutputLane } from './client-output.ts';
import { FromAgent } from './from-agent.ts';
import { type Greeted, Greeting } from './greeting.ts';
import { IdleWatch } from './idle-watch.ts';
import { rpcError, type RpcError } from './json-rpc-errors.ts';
import type { Span } from './json-scanner.ts';
import { replacing, textAt } from './json-text.ts';
import type { Notification } from './message.ts';
import { OpenCalls } from './open-calls.ts';
import { Opening, type OpeningAgent, sessionIdOf } from './opening.ts';
import { type Call, methodOf, type Outgoing, ours } from './outgoing.ts';
import { ownCall, ownRequest, type Reply } from './own-requests.ts';
import { Progress } from './progress.ts';
import { ReplayGate } from './replay-gate.ts';
import { Sender } from './sender.ts';
import type { Session } from './session.ts';
import { sayInConversation, thinkInConversation } from './session-updates.ts';
import { exchanged } from './session-text.ts';
import { splice } from './splice.ts';
import { ThisLife } from './this-life.ts';
import { parseThreadNote } from './thread-note.ts';
import { ThreadSessions } from './thread-sessions.ts';
import { Turns } from './turns.ts';
import { takenBack } from './taken-back.ts';
import type { ThreadOptions } from './thread-options.ts';
import { bytesOf, WaitingLines } from './waiting-lines.ts';

/**
 * One thread: an agent in its microVM, through all its lives, and the sessions that it holds. What is for the agent waits here
 * until there is one that has been introduced and holds the session; what is open when one dies is answered.
 */
export class Thread implements Asker {
  readonly lane: OutputLane;
  readonly sessions: ThreadSessions;
  readonly calls: OpenCalls;
  readonly opening: Opening;
  readonly #options: ThreadOptions;
  readonly #link: AgentLink;
  readonly #thisLife: ThisLife;
  readonly #sender: Sender;
  readonly #fromAgent: FromAgent;
  readonly #greeting: Greeting;
  readonly #replays = new ReplayGate();
  readonly #cancels: Cancels;
  readonly #turns: Turns;
  readonly #idle: IdleWatch;
  readonly #progress: Progress;
  readonly #waiting: WaitingLines;
  #life: Life = { is: 'unbegun' };
  #epoch: EpochEvent | undefined;
  #isLeaving = false;

  constructor(options: ThreadOptions) {
    const { agentCalls, introduction, log, naming, policy, toClient } = options;
    this.#options = options;
    const link = options.createLink({
      onEpoch: (event) => this.#onEpoch(event),
      onLine: (line, start, end) => this.#onLine(end, () => this.#fromAgent.read(line, start)),
      onOversizedLine: (head, _start, end) => this.#onLine(end, () => this.#fromAgent.readOversized(head)),
      onExit: (exit) => this.#onExit(exit),
      onState: (state) => log.debug('the link to the agent', { state }),
      onFailed: (error) => this.#fail(error, rpcError(error)),
    });
    this.#link = link;
    this.lane = toClient.lane((delivered) => {
      // Should this process be killed, the next one goes on from here.
      if (this.#life.is !== 'over') link.acknowledge(delivered, agentCalls.starts(this));
    });
    const { lane } = this;
    const sessions = new ThreadSessions(naming);
    const calls = new OpenCalls(options.firstNumber);
    this.sessions = sessions;
    this.calls = calls;
    this.#waiting = new WaitingLines(calls);
    this.#thisLife = new ThisLife(link);
    this.#sender = new Sender({ link, calls, sessions });
    this.#turns = new Turns({ sessions, calls, onChange: () => this.saveNote() });
    this.#fromAgent = new FromAgent({
      asker: this,
      calls,
      agentCalls,
      sessions,
      replays: this.#replays,
      onStranger: options.onStranger,
      onStale: (number) => this.#turns.ended(number),
      followsStates: () => this.#turnsOutliveAnswers,
      onState: (agentId, state) => this.#onState(agentId, state),
      log,
    });
    this.#greeting = new Greeting({
      introduction,
      send: ({ line, message }, call) => {
        const number = calls.add(call);
        this.send({ is: 'fresh', line, message, number, sessionId: undefined });
      },
      onAnswer: (result) => {
        link.note('agent', result);
        introduction.learn({ initialize: result });
      },
      onReady: () => this.#onReady(),
    });
    this.opening = new Opening({
      sessions,
      replays: this.#replays,
      ask: (method, params, onReply) => this.ask(method, params, onReply),
      say: ({ clientId }, text) => lane.add(sayInConversation(clientId, text)),
    });
    this.#cancels = new Cancels(policy.cancel, { calls, link, lane }, () => this.#endAgent());
    this.#idle = new IdleWatch({
      idleMs: policy.idleDetachMs,
      onRest: (isAtRest) => link.atRest(isAtRest),
      onIdle: () => link.letGo(),
    });
    this.#progress = new Progress({
      isAwaited: (sessionId) => calls.promptsOf(sessionId).length > 0,
      tell: (sessionId) => lane.add(thinkInConversation(sessionId, 'The workspace is starting…')),
    });
  }

  /** The agent that requests can go to; undefined while there is none. */
  get agent(): OpeningAgent | undefined {
    return this.#life.is === 'ready' ? this.#life.agent : undefined;
  }

  /** Whether an agent was ever asked for. */
  get isBegun(): boolean {
    return this.#life.is !== 'unbegun' || !this.#waiting.isEmpty || this.#greeting.isAwaited;
  }

  /** Whether nobody waits for this agent, and no session is known to be its. */
  get isUnused(): boolean {
    return this.sessions.all().length === 0 && !this.calls.isClientWaiting && !this.#greeting.isAwaited;
  }

  get isOver(): boolean {
    return this.#life.is === 'over';
  }

  /** Introduces the client to the agent, or tells how that went. */
  greet(onGreeted: (greeted: Greeted) => void): void {
    if (this.#life.is === 'over') {
      onGreeted({ is: 'failed', error: this.#life.error });
      return;
    }
    this.#greeting.ask(onGreeted);
    if (this.#life.is === 'ready' && this.#greeting.isAwaited) this.#introduce(undefined);
    else if (this.#greeting.isAwaited) this.#wake();
  }

  /** Sends it when there is an agent that is ready for it. */
  submit(outgoing: Outgoing): void {
    const call = outgoing.number === undefined ? undefined : this.calls.get(outgoing.number);
    if (this.#life.is === 'over') {
      const { error } = this.#life;
      this.calls.failAll((each) => each === call, error);
    } else if (this.#life.is === 'ready') {
      this.#pass(outgoing, call, this.#life.agent);
    } else {
      this.#waiting.push(outgoing);
      this.#wake();
    }
    if (methodOf(outgoing) === 'session/prompt' && call?.ticket === undefined) this.#showProgress(outgoing);
    this.#watch();
  }

  /** Asks the agent that runs now something of the bridge's own. */
  ask(method: string, params: string, onReply: (reply: Reply) => void): void {
    const number = this.calls.add(ownCall(method, onReply));
    this.send({ is: 'fresh', ...ownRequest(method, params), number, sessionId: undefined });
  }

  /** Sends the client's answer to a request of the agent's. */
  reply(line: Uint8Array): void {
    const names = exchanged(line, { start: 0, end: line.length }, this.sessions.toAgent);
    this.#thisLife.send(splice(line, names));
    this.#watch();
  }

  /** @param line The client's `session/cancel` */
  cancelTurn(sessionId: string, line: Uint8Array, message: Notification): void {
    this.#cancels.cancel(sessionId, () => {
      // There may be an agent that an earlier bridge left at work.
      if (this.#life.is === 'unbegun')
        this.submit({ is: 'fresh', line, message, number: undefined, sessionId });
      else
        this.#thisLife.send(splice(line, exchanged(line, message.params, this.sessions.toAgent)), {
          urgent: true,
        });
    });
    this.#waiting.prune();
    this.#watch();
  }

  /** @param line The client's `$/cancel_request`, with the id of the request at `span` */
  cancelRequest(line: Uint8Array, span: Span): void {
    const id = textAt(line, span);
    const number = this.calls.numberOf(id);
    if (number === undefined) return;
    const isUnseen = ({ ticket }: Call): boolean => ticket === undefined || this.#link.withdraw(ticket);
    const [unseen] = this.calls.take((call) => call.id === id && isUnseen(call));
    if (unseen === undefined)
      this.#thisLife.send(splice(line, [replacing(span, String(number))]), { urgent: true });
    else unseen.failed(neverSent);
    this.#waiting.prune();
    this.#watch();
  }

  /** Brings the session to the agent; what is for it waits meanwhile. */
  open(session: Session, agent: OpeningAgent): void {
    this.whileOpening(session, (opened) => this.opening.open(session, agent, opened));
  }

  /** What is for the session waits until `open` tells how its opening went: goes on then, or fails with it. */
  whileOpening(session: Session, open: (opened: (reply: Reply) => void) => void): void {
    session.isOpening = true;
    open((reply) => {
      session.isOpening = false;
      if (reply.is === 'result' && sessionIdOf(reply.text) !== undefined) {
        this.#options.introduction.learn({ opened: reply.text });
      }
      this.saveNote();
      const held = session.held.splice(0);
      if (reply.is === 'result') for (const outgoing of held) this.submit(outgoing);
      else this.#refuse(held, reply.error);
    });
  }

  /** Leaves in the microVM what later bridges must know of the sessions. */
  saveNote(): void {
    this.#link.note('thread', JSON.stringify(this.sessions.note));
  }

  /** A prompt was answered, which from protocol version 2 on is not the end of its turn. */
  turnAnswered(sessionId: string, number: number): void {
    if (this.#turnsOutliveAnswers) return;
    this.turnEnded(sessionId, number);
  }

  /** There is no more to a turn. */
  turnEnded(sessionId: string, number: number): void {
    this.#turns.ended(number);
    for (const outgoing of this.#cancels.turnEnded(sessionId)) this.submit(outgoing);
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  letGo(): void {
    this.#link.letGo();
  }

  /** Bytes from the client that are not known to have arrived. */
  get pendingBytes(): number {
    const held = this.sessions.all().flatMap((session) => session.held);
    return this.#waiting.bytes + bytesOf(held) + this.#link.pendingBytes;
  }

  /** Resolves when some of the bytes that are pending have gone. */
  async eased(): Promise<void> {
    const { pendingBytes } = this.#link;
    const link = pendingBytes > 0 ? [this.#link.drained(Math.floor(pendingBytes / 2))] : [];
    await Promise.race([this.#waiting.eased(), ...link]);
  }

  /** Answers who waits for the agent. What the agent says from now on is for the next bridge. */
  leave(error: RpcError): void {
    if (this.#life.is === 'over' || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#answerAll(error);
  }

  /** Leaves the agent to itself. Resolves within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#stopTimers();
    if (this.#life.is !== 'over') this.#life = { is: 'over', error: neverSent };
    await this.#link.close(graceMs);
  }

  #onEpoch(event: EpochEvent): void {
    if (this.#life.is === 'over') return;
    this.lane.beginEpoch();
    this.#fromAgent.beginEpoch();
    this.#epoch = event;
    this.#waiting.putBefore([
      ...takenBack(this.#link, this.#thisLife, this.calls, this.sessions),
      ...this.#heldElsewhere(),
    ]);
    // What waited for an answer to the bridge's own requests waits on, for the next agent.
    const isOwn = ({ id, ticket }: Call): boolean => id === ours && ticket !== undefined;
    this.calls.failAll(isOwn, rpcError(event.cause ?? agentExited({ code: 0 })));
    if (event.cause !== undefined) this.#loseAgent(event.lostThrough, rpcError(event.cause));
    this.#thisLife.end();
    this.#replays.clear();
    this.sessions.recall(parseThreadNote(event.notes.thread));
    this.#turns.beginEpoch(event.epoch);
    this.#options.onKeeping(event.keeping);
    this.#introduce(event.notes.agent);
    this.#watch();
  }

  #introduce(note: string | undefined): void {
    this.#life = { is: 'meeting' };
    this.#greeting.begin(note);
  }

  #onReady(): void {
    if (this.#epoch === undefined || this.#life.is !== 'meeting') return;
    const { epoch, cwd } = this.#epoch;
    this.#life = { is: 'ready', agent: { epoch, cwd, info: this.#greeting.info } };
    this.#progress.end();
    for (const outgoing of this.#waiting.takeAll()) this.submit(outgoing);
    this.#watch();
  }

  #onLine(end: number, read: () => void): void {
    if (this.#isLeaving) return;
    this.lane.moveTo(end);
    if (this.#life.is === 'ending') return;
    read();
    this.#watch();
  }

  #onState(agentId: string, state: string): void {
    this.#turns.onState(agentId, state);
    if (state !== 'idle') return;
    for (const outgoing of this.#cancels.turnEnded(this.sessions.withAgentId(agentId)?.clientId ?? agentId))
      this.submit(outgoing);
  }

  #onExit(exit: AgentExit): void {
    // It was ended for the next one, which is coming.
    if (this.#life.is === 'ending') return;
    if (this.#fromAgent.hasSpoken || this.#epoch?.origin !== 'started') {
      const error = exitAnswer(agentExited(exit), exit);
      this.#life = { is: 'ended' };
      const isLost = ({ ticket }: Call): boolean => ticket !== undefined && ticket <= exit.lostThrough;
      const greetings = this.calls.all().filter((call) => isGreeting(call) && isLost(call));
      this.#loseAgent(exit.lostThrough, error);
      if (greetings.length > 0) this.#greeting.fail(error);
      if (!this.#waiting.isEmpty || this.#greeting.isAwaited) this.#wake();
      this.#watch();
    } else {
      const error = agentCannotStart(exit);
      this.#fail(error, exitAnswer(error, exit));
    }
  }

  #endAgent(): void {
    this.#life = { is: 'ending' };
    this.#link.restart(slowToCancel(this.#options.policy.cancel.graceMs));
  }

  #loseAgent(lostThrough: number, error: RpcError): void {
    this.calls.failAll(({ ticket }) => ticket !== undefined && ticket <= lostThrough, error);
    this.#options.agentCalls.withdrawAll(this);
  }

  #fail(error: BridgeError, told: RpcError): void {
    if (this.#life.is === 'over') return;
    this.#answerAll(told);
    this.#life = { is: 'over', error: told };
    this.#stopTimers();
    this.#options.agentCalls.withdrawAll(this);
    this.#options.onFailed(error);
  }

  #answerAll(error: RpcError): void {
    this.#greeting.fail(error);
    this.calls.failAll(() => true, error);
    this.#waiting.takeAll();
  }

  #stopTimers(): void {
    this.#idle.stop();
    this.#progress.end();
    this.#replays.clear();
    this.#cancels.clear();
  }

  /** A line for an agent that is ready. */
  #pass(outgoing: Outgoing, call: Call | undefined, agent: OpeningAgent): void {
    if (outgoing.number !== undefined && call === undefined) return;
    if (this.#cancels.hold(outgoing)) return;
    const session = outgoing.sessionId === undefined ? undefined : this.sessions.find(outgoing.sessionId);
    if (session?.isOpening === true) {
      session.held.push(outgoing);
    } else if (call?.open !== undefined) {
      call.open(agent);
    } else if (session !== undefined && this.#mustOpen(session, outgoing, agent)) {
      session.held.push(outgoing);
      this.open(session, agent);
    } else {
      this.send(outgoing);
    }
  }

  #mustOpen(session: Session, outgoing: Outgoing, { epoch }: OpeningAgent): boolean {
    if (session.isClosed || this.sessions.isHeld(session, epoch)) return false;
    // To delete it, the agent need not hold it.
    return methodOf(outgoing) !== 'session/delete';
  }

  /** Sends it to the agent that runs now. */
  send(outgoing: Outgoing): void {
    const cwd = this.#epoch?.cwd ?? '/';
    const session = outgoing.sessionId === undefined ? undefined : this.sessions.find(outgoing.sessionId);
    const { agent } = this;
    this.#sender.send(outgoing, (localCwd) => {
      if (session !== undefined && agent !== undefined) return this.opening.cwdOf(session, agent);
      return this.#options.policy.mappedCwd(localCwd) ?? cwd;
    });
    if (methodOf(outgoing) === 'session/prompt' && outgoing.number !== undefined) {
      this.#turns.began(session, outgoing.number);
    }
  }

  #heldElsewhere(): Outgoing[] {
    const held = this.sessions.all().flatMap((session) => {
      session.isOpening = false;
      return session.held.splice(0);
    });
    return [...held, ...this.#cancels.clear()];
  }

  #wake(): void {
    if (this.#life.is === 'unbegun') {
      this.#link.attach();
    } else if (this.#life.is === 'ended') {
      this.#life = { is: 'unbegun' };
      this.#link.restart(agentExited({ code: 0 }));
    }
  }

  #refuse(held: readonly Outgoing[], error: RpcError): void {
    const calls = new Set(
      held.map(({ number }) => (number === undefined ? undefined : this.calls.get(number))),
    );
    this.calls.failAll((call) => calls.has(call), error);
  }

  #showProgress({ sessionId }: Outgoing): void {
    const { introduction, policy } = this.#options;
    if (sessionId !== undefined && policy.progress && !introduction.wantsNoProgress)
      this.#progress.begin(sessionId);
  }

  get #turnsOutliveAnswers(): boolean {
    return (this.#greeting.info?.protocolVersion ?? 1) >= 2;
  }

  #watch(): void {
    if (this.#isLeaving || this.#life.is === 'over') return;
    const isAsked = this.#options.agentCalls.starts(this).length > 0;
    const isBusy =
      this.calls.isClientWaiting ||
      isAsked ||
      this.#greeting.isAwaited ||
      (this.#turnsOutliveAnswers && this.#turns.isOneOpen);
    this.#idle.update({ isBusy, isTurnOpen: isBusy || this.#turns.isOneOpen });
  }
}

type Life =
  /** No agent was heard of yet, or the last one is to be followed by another. */
  | { readonly is: 'unbegun' }
  /** One runs, and is being introduced. */
  | { readonly is: 'meeting' }
  | { readonly is: 'ready'; readonly agent: OpeningAgent }
  /** It is being ended: what it still says is of no use. */
  | { readonly is: 'ending' }
  /** It ended; the next request has another one started. */
  | { readonly is: 'ended' }
  /** Every request gets this answer. */
  | { readonly is: 'over'; readonly error: RpcError };

function isGreeting({ id, method }: Call): boolean {
  return id === ours && (method === 'initialize' || method === 'authenticate');
}
