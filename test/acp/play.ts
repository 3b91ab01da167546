import { BridgeError } from '../../src/base/errors.ts';
import { type Routed, routed } from './routed.ts';

/** What may happen to a router, and around it. */
export type What =
  | 'client asks'
  | 'client answers'
  | 'client notifies'
  | 'client cancels'
  | 'client cancels turn'
  | 'agent answers'
  | 'agent asks'
  | 'agent notifies'
  | 'agent exits'
  | 'agent is lost'
  | 'agent begins'
  | 'link stalls'
  | 'link delivers'
  | 'link fails';

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly tag?: string; readonly requestId?: number; readonly n?: number };
  readonly result?: { readonly tag?: string; readonly stopReason?: string };
  readonly error?: object;
}

/** An agent and a client that do what they are told to and check what they get. */
export class Play {
  /** What was not as it should be. */
  readonly faults: string[] = [];
  readonly #it: Routed = routed();
  /** The client's requests by id, with the answers that came. */
  readonly #asked = new Map<string, Message[]>();
  /** Requests of the agent by the id that the client knows. */
  readonly #seenByClient = new Map<number, { readonly tag: string; answers: number; withdrawals: number }>();
  readonly #idsSeenByAgent = new Set<number>();
  readonly #tagsSeenByAgent = new Set<string>();
  /** The agent's life: what it has not answered, and what it asked and got no answer to, by its own id. */
  #toAnswer: { readonly id: number; readonly tag: string; readonly isRepeated: boolean }[] = [];
  #awaited = new Map<number, string>();
  #life = 0;
  #isOver = false;
  /** Answers that the agent gave in the life in which it was asked: they must be those that the client gets. */
  readonly #answered = new Set<string>();
  #said = { client: 0, agent: 0 };
  #heard = { client: 0, agent: 0 };

  happen(what: What, pick: number): void {
    const { link } = this.#it;
    switch (what) {
      case 'client asks':
        this.#clientAsks(pick);
        break;
      case 'client notifies':
        this.#it.ask(`{"method":"n","params":{"n":${(this.#said.client += 1)}}}`);
        break;
      case 'client answers': {
        const open = [...this.#seenByClient].filter(([, { answers }]) => answers === 0);
        const [id, request] = open[pick % Math.max(open.length, 1)] ?? [];
        if (request === undefined) break;
        request.answers += 1;
        this.#it.ask(`{"id":${id},"result":{"tag":"${request.tag}"}}`);
        break;
      }
      case 'client cancels': {
        const id = [...this.#asked.keys()][pick];
        this.#it.ask(`{"method":"$/cancel_request","params":{"requestId":${id ?? '"unknown"'}}}`);
        break;
      }
      case 'client cancels turn':
        this.#it.ask('{"method":"session/cancel","params":{"sessionId":"s"}}');
        break;
      case 'agent answers': {
        const [request] = this.#toAnswer.splice(pick % Math.max(this.#toAnswer.length, 1), 1);
        if (!link.isRunning || request === undefined) break;
        if (!request.isRepeated) this.#answered.add(request.tag);
        link.say(`{"id":${request.id},"result":{"tag":${JSON.stringify(request.tag)}}}`);
        break;
      }
      case 'agent asks': {
        if (!link.isRunning) break;
        // Each life counts from 0, as real agents do.
        const id = this.#awaited.size;
        const tag = `life ${this.#life} request ${id}`;
        this.#awaited.set(id, tag);
        link.say(`{"id":${id},"method":"a","params":{"tag":"${tag}"}}`);
        break;
      }
      case 'agent notifies':
        if (link.isRunning) link.say(`{"method":"n","params":{"n":${(this.#said.agent += 1)}}}`);
        break;
      case 'agent exits':
        if (!link.isRunning || this.#isOver) break;
        // One that never spoke would be the end of the bridge.
        link.say('{"error":{}}');
        this.#lifeEnds();
        link.exit(1);
        break;
      case 'agent is lost':
        if (!link.isRunning || this.#isOver) break;
        this.#lifeEnds();
        link.begin({ cause: new BridgeError('agent-lost', 'gone') });
        break;
      case 'agent begins':
        if (!link.isRunning && link.isAttached && !this.#isOver) link.begin();
        break;
      case 'link stalls':
        link.isStalled = !link.isStalled;
        break;
      case 'link delivers':
        link.deliver(pick);
        break;
      case 'link fails':
        if (this.#isOver) break;
        this.#isOver = true;
        this.#lifeEnds();
        link.fail(new BridgeError('unreachable', 'no way'));
    }
    this.#agentReads();
  }

  async clientReads(): Promise<void> {
    for (const line of await this.#it.told()) {
      const message = JSON.parse(line) as Message;
      const { id, method, params } = message;
      if (method === 'a') {
        this.#check(!this.#seenByClient.has(id as number), `the client gets id ${id} for the first time`);
        this.#seenByClient.set(id as number, { tag: params?.tag ?? '', answers: 0, withdrawals: 0 });
      } else if (method === '$/cancel_request') {
        const request = this.#seenByClient.get(params?.requestId ?? -1);
        this.#check(request?.withdrawals === 0, `request ${params?.requestId} is withdrawn once`);
        if (request !== undefined) request.withdrawals += 1;
      } else if (method === 'n') {
        this.#heard.client += 1;
        this.#check(
          params?.n === this.#heard.client,
          `notification ${params?.n} reaches the client in order`,
        );
      } else {
        const answers = this.#asked.get(JSON.stringify(id));
        this.#check(answers !== undefined, `the client has asked under id ${id}`);
        answers?.push(message);
      }
    }
  }

  async end(): Promise<void> {
    await this.clientReads();
    const { link, router } = this.#it;
    await router.close(0);
    await this.clientReads();
    this.#check(this.#heard.client === this.#said.agent, 'the client gets every notification');
    for (const [id, answers] of this.#asked) {
      const [answer] = answers;
      this.#check(answers.length === 1, `request ${id} has one answer, not ${answers.length}`);
      const isFailed = answer?.error !== undefined || answer?.result?.stopReason === 'cancelled';
      // Whoever introduces himself is introduced to the next agent too, until one answers.
      const isOwn = answer?.result?.tag === id || (isFailed && !this.#answered.has(id));
      this.#check(isOwn, `request ${id} has its own answer`);
    }
    const isInThisLife = ({ tag }: { tag: string }): boolean =>
      link.isRunning && tag.startsWith(`life ${this.#life} `);
    for (const request of this.#seenByClient.values()) {
      const { answers, withdrawals } = request;
      const isRight = isInThisLife(request) ? withdrawals === 0 : answers + withdrawals > 0;
      this.#check(isRight, `${request.tag}: ${answers} answers, ${withdrawals} withdrawals`);
    }
  }

  #clientAsks(pick: number): void {
    const id = this.#asked.size % 2 === 0 ? String(this.#asked.size) : `"id ${this.#asked.size}"`;
    this.#asked.set(id, []);
    const isFirst = this.#asked.size === 1;
    const [method, params] = [
      [isFirst ? 'initialize' : 'm', ''],
      ['session/new', ',"cwd":"/here"'],
      ['session/prompt', ',"sessionId":"s"'],
      ['session/prompt', ',"sessionId":"t"'],
      ['m', ''],
      ['m', ''],
    ][pick % 6] as [string, string];
    this.#it.ask(`{"id":${id},"method":"${method}","params":{"tag":${JSON.stringify(id)}${params}}}`);
  }

  #agentReads(): void {
    for (const line of this.#it.link.takeToAgent()) {
      const { id, method, params, result } = JSON.parse(line) as Message;
      if (method === undefined) {
        this.#check(
          this.#awaited.get(id as number) === result?.tag,
          `${result?.tag} is answered in its life, once`,
        );
        this.#awaited.set(id as number, 'answered');
      } else if (id !== undefined) {
        this.#check(!this.#idsSeenByAgent.has(id as number), `the agent gets id ${id} for the first time`);
        this.#idsSeenByAgent.add(id as number);
        const tag = params?.tag ?? '';
        const isRepeated = this.#tagsSeenByAgent.has(tag);
        this.#check(!isRepeated || method === 'initialize', `${tag} reaches the agent once`);
        this.#tagsSeenByAgent.add(tag);
        this.#toAnswer.push({ id: id as number, tag, isRepeated });
      } else if (method === 'n') {
        const n = params?.n ?? 0;
        this.#check(n > this.#heard.agent, `notification ${n} reaches the agent in order`);
        this.#heard.agent = n;
      }
    }
  }

  #lifeEnds(): void {
    this.#life += 1;
    this.#toAnswer = [];
    this.#awaited = new Map();
  }

  #check(isSo: boolean, what: string): void {
    if (!isSo) this.faults.push(what);
  }
}
