import type { AgentExit, AgentLink, EpochEvent } from '../../agent/agent-link.ts';
import type { BridgeError } from '../../base/errors.ts';
import type { Asker } from '../client/agent-requests.ts';
import { agentCannotStart, agentExited, exitAnswer, neverSent } from '../message/errors.ts';
import type { OutputLane } from '../client/output.ts';
import { FromAgent } from './from-agent.ts';
import { AgentInitialize, type Initialized } from './agent-initialize.ts';
import { IdleWatch } from './idle-watch.ts';
import { rpcError, type RpcError } from '../message/json-rpc-errors.ts';
import { Lifecycle } from './state/lifecycle.ts';
import type { ThreadOptions } from './options.ts';
import { ToAgent } from './sending/to-agent.ts';
import { Settlement } from './settlement.ts';
import { type Call, Calls } from './state/calls.ts';
import { parseThreadNote } from './state/note.ts';
import { outgoing } from './state/outgoing.ts';
import { sessionIdOf } from './state/session-setup.ts';
import { Sessions } from './state/sessions.ts';
import { Turns } from './state/turns.ts';

/**
 * One thread: an agent in its microVM, through all its lives, and the sessions that it holds. Each agent is introduced
 * first, and then gets the lines that waited. When an agent ends, its open requests are answered.
 */
export class Thread implements Asker {
  readonly lane: OutputLane;
  readonly sessions: Sessions;
  readonly calls: Calls;
  readonly life: Lifecycle;
  readonly turns: Turns;
  readonly toAgent: ToAgent;
  readonly #options: ThreadOptions;
  readonly #link: AgentLink;
  readonly #fromAgent: FromAgent;
  readonly #agentInitialize: AgentInitialize;
  readonly #idle: IdleWatch;
  #isLeaving = false;

  constructor(options: ThreadOptions) {
    const { agentRequests, introduction, log, naming, policy, toClient } = options;
    this.#options = options;
    const input = { waiting: () => this.toAgent.waiting(), next: () => this.toAgent.next() };
    const link = options.createLink(input, {
      onEpoch: (event) => this.#onEpoch(event),
      onLine: (line, start, end) => this.#onLine(end, () => this.#fromAgent.read(line, start)),
      onOversizedLine: (head, _start, end) => this.#onLine(end, () => this.#fromAgent.readOversized(head)),
      onExit: (exit) => this.#onExit(exit),
      onState: (state) => {
        log.debug('the link to the agent', { state });
        this.life.onLinkState(state);
      },
      onSaved: (result) => this.toAgent.saved(result),
      onFailed: (error) => this.#fail(error, rpcError(error)),
    });
    const lane = toClient.lane((delivered) => {
      // If this process is killed, the next one goes on from here.
      if (this.life.is !== 'over') link.acknowledge(delivered, agentRequests.starts(this));
    });
    const life = new Lifecycle(link);
    const sessions = new Sessions(naming);
    const calls = new Calls(options.firstNumber, (call, outcome) => settlement.settle(call, outcome));
    const turns = new Turns({
      sessions,
      protocolVersion: () => this.#agentInitialize.info?.protocolVersion ?? 1,
      onChange: () => this.saveNote(),
      onEnded: (sessionId) => this.toAgent.turnEnded(sessionId),
    });
    this.#link = link;
    this.lane = lane;
    this.life = life;
    this.sessions = sessions;
    this.calls = calls;
    this.turns = turns;
    this.toAgent = new ToAgent({
      ...options,
      link,
      life,
      lane,
      calls,
      sessions,
      turns,
      onOpened: (reply) => {
        const isOpen = reply.is === 'result' && sessionIdOf(reply.text) !== undefined;
        if (isOpen) introduction.learn({ opened: reply.text });
        this.saveNote();
      },
      onSaid: () => this.#watch(),
    });
    this.#fromAgent = new FromAgent({
      ...options,
      asker: this,
      calls,
      sessions,
      turns,
      openings: this.toAgent.openings,
      onUnreadable: () => link.verify(),
    });
    const settlement = new Settlement({
      ...options,
      lane,
      life,
      sessions,
      turns,
      openings: this.toAgent.openings,
      onChange: () => this.saveNote(),
    });
    this.#agentInitialize = new AgentInitialize({
      introduction,
      send: (request, onSettled) => {
        const { method } = request.message;
        const call = calls.add({
          kind: 'own',
          purpose: 'introduction',
          method,
          sessionId: undefined,
          onSettled,
        });
        this.toAgent.send(outgoing(call, request));
      },
      onAnswer: (result) => {
        link.note('agent', result);
        introduction.learn({ initialize: result });
      },
      onReady: () => this.#onReady(),
    });
    this.#idle = new IdleWatch({
      idleMs: policy.idleDetachMs,
      onRest: (isAtRest) => link.atRest(isAtRest),
      onIdle: () => life.letGo(),
    });
  }

  /** Whether an agent was ever asked for. */
  get isBegun(): boolean {
    return this.life.is !== 'unbegun' || this.toAgent.isWaiting || this.#agentInitialize.isAwaited;
  }

  /** Whether nobody waits for this agent, and no session belongs to it. */
  get isUnused(): boolean {
    return (
      this.sessions.all().length === 0 && !this.calls.isClientWaiting && !this.#agentInitialize.isAwaited
    );
  }

  /** Introduces the client to the agent, or tells the result if that was done before. */
  initialize(onInitialized: (initialized: Initialized) => void): void {
    const { life } = this;
    if (life.error !== undefined) {
      onInitialized({ is: 'failed', error: life.error });
      return;
    }
    this.#agentInitialize.ask(onInitialized);
    if (!this.#agentInitialize.isAwaited) return;
    if (life.is === 'ready') {
      life.meet();
      this.#agentInitialize.begin(undefined);
    } else {
      life.wake();
    }
  }

  reply(line: Uint8Array): void {
    this.toAgent.reply(line);
  }

  /** Leaves a note in the microVM with what later bridges must know of the sessions. */
  saveNote(): void {
    // Requests are answered when the bridge leaves, but the agent goes on with its turns: the note must still say so.
    if (this.#isLeaving) return;
    this.#link.note('thread', this.sessions.noteToLeave());
    this.#options.onNoted();
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  /** Answers all open requests. What the agent says from now on is left to the next bridge. */
  leave(error: RpcError): void {
    if (this.life.is === 'over' || this.#isLeaving) return;
    this.toAgent.leave();
    this.#isLeaving = true;
    this.#answerAll(error);
  }

  /** Detaches from the agent, which goes on. Resolves within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#stopTimers();
    if (this.life.is !== 'over') this.life.giveUp(neverSent);
    await this.#link.close(graceMs);
  }

  #onEpoch(event: EpochEvent): void {
    if (this.life.is === 'over') return;
    this.lane.beginEpoch();
    this.toAgent.beginEpoch();
    // The next bridge introduces its client to this agent.
    if (this.#isLeaving) return;
    this.#fromAgent.beginEpoch();
    // The bridge's own requests that the last agent did not answer. What waits for them now waits for the next agent.
    const isOver = (call: Call): boolean =>
      call.kind === 'own' && (isSent(call) || call.purpose !== 'repeat');
    const error = rpcError(event.cause ?? agentExited({ code: 0 }));
    this.calls.settleAll(isOver, { is: 'failed', error });
    if (event.cause !== undefined) this.#loseAgent(rpcError(event.cause));
    this.sessions.beginEpoch(event.epoch, parseThreadNote(event.notes.thread));
    this.#options.onProvisions(event);
    this.life.begin(event);
    this.#agentInitialize.begin(event.notes.agent);
    this.#watch();
  }

  #onReady(): void {
    if (!this.life.ready(this.#agentInitialize.info)) return;
    this.toAgent.goOn();
    this.#watch();
  }

  #onLine(end: number, read: () => void): void {
    if (this.#isLeaving) return;
    this.lane.moveTo(end);
    if (this.life.is === 'ending') return;
    read();
    this.#watch();
  }

  #onExit(exit: AgentExit): void {
    // The agent was ended to be replaced, and the next one is being started.
    if (this.life.is === 'ending') return;
    if (this.life.isStartedHere && !this.#fromAgent.hasSpoken) {
      const error = agentCannotStart(exit);
      this.#fail(error, exitAnswer(error, exit));
      return;
    }
    const error = exitAnswer(agentExited(exit), exit);
    this.life.exited();
    const isIntroductionLost = this.calls
      .all()
      .some((call) => call.kind === 'own' && call.purpose === 'introduction' && isSent(call));
    this.#loseAgent(error);
    if (isIntroductionLost) this.#agentInitialize.fail(error);
    if (this.toAgent.isWaiting || this.#agentInitialize.isAwaited) this.life.wake();
    this.#watch();
  }

  #loseAgent(error: RpcError): void {
    this.calls.settleAll(isSent, { is: 'failed', error });
    this.#options.agentRequests.withdrawAll(this);
  }

  #fail(error: BridgeError, told: RpcError): void {
    if (this.life.is === 'over') return;
    this.#answerAll(told);
    this.life.giveUp(told);
    this.#stopTimers();
    this.#options.agentRequests.withdrawAll(this);
    this.#options.onFailed(error);
  }

  #answerAll(error: RpcError): void {
    this.#agentInitialize.fail(error);
    this.calls.settleAll(() => true, { is: 'failed', error });
    this.toAgent.clear();
  }

  #stopTimers(): void {
    this.#idle.stop();
    this.toAgent.stop();
  }

  #watch(): void {
    if (this.#isLeaving || this.life.is === 'over') return;
    const isAsked = this.#options.agentRequests.isOpen(this);
    const isBusy =
      this.calls.isClientWaiting ||
      isAsked ||
      this.#agentInitialize.isAwaited ||
      (this.turns.outliveAnswers && this.turns.isOneOpen);
    this.#idle.update({ isBusy, isTurnOpen: isBusy || this.turns.isOneOpen });
  }
}

function isSent({ state }: Call): boolean {
  return state === 'sent';
}
