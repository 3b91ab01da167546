import { type FromAgent, type Memory, pastUpdates } from './wire.ts';

/** How a bridge came to its end. */
export type BridgeEnd =
  /** It had time to deliver what it had read, and to say what it could not. */
  | 'left'
  /** It was killed or replaced: what it had read and not sent is lost with it. */
  | 'broken';

/** What is counted. Those of `faults` must be 0; the others are what the promises allow. */
export interface Tally {
  up: number;
  down: number;
  /** Numbers that never came to the agent, where nothing took them away. */
  lostUp: number;
  lostDown: number;
  doubledUp: number;
  doubledDown: number;
  reordered: number;
  /** Requests without an answer, with two, or with an error for no reason. */
  misanswered: number;
  /** Anything else that must not be: what it is stands in `complaints`. */
  otherwise: number;
  /** Answered with an error, since the agent or its bridge died. */
  refused: number;
  /** For the agent, and gone with it or its microVM. */
  lostWithAgent: number;
  /** Read by a bridge that broke, and not sent. */
  lostWithBridge: number;
  /** Shown again by the bridge that followed a broken one. */
  shownAgain: number;
  /** Milliseconds between the first time and the end of that bridge, at most. */
  shownAgainMs: number;
  /** Questions of the agent that were asked again by the next bridge. */
  askedAgain: number;
  /** Conversations whose agent could not bring them back, and that were told so. */
  begunAnew: number;
  /** What the bridge itself said else in the conversation. */
  bridgeSaid: number;
}

export const faultsOf = (tally: Tally): number =>
  tally.lostUp +
  tally.lostDown +
  tally.doubledUp +
  tally.doubledDown +
  tally.reordered +
  tally.misanswered +
  tally.otherwise;

export function emptyTally(): Tally {
  return {
    up: 0,
    down: 0,
    lostUp: 0,
    lostDown: 0,
    doubledUp: 0,
    doubledDown: 0,
    reordered: 0,
    misanswered: 0,
    otherwise: 0,
    refused: 0,
    lostWithAgent: 0,
    lostWithBridge: 0,
    shownAgain: 0,
    shownAgainMs: 0,
    askedAgain: 0,
    begunAnew: 0,
    bridgeSaid: 0,
  };
}

/** The books of one thread: what was sent, what came, and whether that is what was promised. Reads no clock of its own. */
export class Ledger {
  readonly tally = emptyTally();
  /** What is wrong, the first of it. */
  readonly complaints: string[] = [];
  readonly #now: () => number;
  readonly #sessions = new Map<string, SessionBooks>();
  readonly #lives = new Map<string, Life>();
  readonly #prompts = new Map<number, Prompt>();
  readonly #asks = new Map<string, Ask>();
  /** Times in which the agent may have been lost: until it is known that there is another. */
  readonly #losses: Loss[] = [];
  readonly #memory: Memory;
  /** Counted up with each bridge. */
  #bridge = 0;
  #isLeaving = false;
  #lastEnd: { readonly how: BridgeEnd; readonly at: number } | undefined;

  /** @param now milliseconds */
  constructor(now: () => number, memory: Memory = 'resume') {
    this.#now = now;
    this.#memory = memory;
  }

  /** Another bridge is what the client talks to from now on. */
  beginBridge(): void {
    this.#bridge += 1;
    const last = this.#lastEnd?.how ?? 'left';
    for (const books of this.#sessions.values()) {
      const { nextUp, firstOfBridges } = books;
      if (firstOfBridges.get(nextUp) !== 'broken') firstOfBridges.set(nextUp, last);
      books.hasHeardBridge = false;
      books.loads = 'none yet';
    }
  }

  /** The bridge is about to leave: it may answer what is open with an error. */
  leaving(): void {
    this.#isLeaving = true;
  }

  /** What is open is not answered any more; where the bridge left in peace, it should have been. */
  endBridge(how: BridgeEnd): void {
    this.#isLeaving = false;
    this.#lastEnd = { how, at: this.#now() };
    for (const [id, prompt] of this.#prompts) {
      if (how === 'left')
        this.#complain('misanswered', `prompt ${id} of ${prompt.session} was left unanswered`);
      prompt.resolve('gone');
    }
    this.#prompts.clear();
  }

  /** The microVM or the agent is about to be taken away: until `regained`, requests may be answered with an error. */
  losing(): void {
    this.#losses.push({ from: this.#now() });
    for (const life of this.#lives.values()) life.mayEnd = true;
  }

  /** Whether it is not known yet that there is another agent. */
  get isLost(): boolean {
    return this.#losses.some(({ until }) => until === undefined);
  }

  addSession(session: string): void {
    this.#sessions.set(session, {
      number: this.#sessions.size,
      nextUp: 0,
      firstOfBridges: new Map(),
      life: undefined,
      pastLives: new Set(),
      nextDown: 0,
      lastDownAt: [],
      hasHeardBridge: false,
      loads: 'none yet',
      pasts: new Map(),
      wasTold: false,
      lifeBegan: 0,
      errors: [],
    });
  }

  /** By which the agent calls it, however it is named there. */
  numberOf(session: string): number {
    return this.#books(session).number;
  }

  /** The client asks for the session with its past. */
  loading(session: string): void {
    this.#books(session).loads = { past: undefined };
  }

  /** The client has it. Where a turn goes on, the past is not told. */
  loaded(session: string): void {
    const books = this.#books(session);
    const past = typeof books.loads === 'object' ? books.loads.past : undefined;
    const came = past === undefined ? 0 : (books.pasts.get(past) ?? 0);
    if (past !== undefined && came < pastUpdates) {
      this.#complain(
        'lostDown',
        `${session} was loaded with ${came} updates of its past`,
        pastUpdates - came,
      );
    }
    books.loads = 'done';
  }

  /** An update of a session's past came to the client: it is to come where the client asked for it, whole. */
  past({ sessionId = '', life, load, h = 0 }: NonNullable<FromAgent['params']>): void {
    this.tally.down += 1;
    const books = this.#books(sessionId);
    const key = `${life} ${load}`;
    const due = books.pasts.get(key) ?? 0;
    // What a bridge had asked for that broke, the next one may show.
    const mayBeOld = this.#bridge > 1 && books.loads !== 'done' && this.#lastEnd?.how === 'broken';
    const isWanted =
      typeof books.loads === 'object' && (books.loads.past ?? key) === key && (h > 0 || due === 0);
    if (isWanted && h === due) books.loads = { past: key };
    else if (mayBeOld) this.tally.shownAgain += 1;
    else this.#complain('doubledDown', `past ${h} of ${sessionId} (${key}) where ${due} was due, or nothing`);
    books.pasts.set(key, h + 1);
  }

  /** The number of the next thing that is said in this session. */
  nextUp(session: string): number {
    const books = this.#books(session);
    this.tally.up += 1;
    return books.nextUp++;
  }

  /** A prompt goes out under this id. Resolves when it is answered, or can't be any more. */
  ask(id: number, session: string, n: number): Promise<'answered' | 'refused' | 'gone'> {
    const { promise, resolve } = Promise.withResolvers<'answered' | 'refused' | 'gone'>();
    this.#prompts.set(id, { session, n, sentAt: this.#now(), resolve });
    return promise;
  }

  answered({ id = -1, result, error }: FromAgent): void {
    const prompt = this.#prompts.get(id);
    this.tally.down += 1;
    if (prompt === undefined) {
      this.#complain('misanswered', `an answer came to ${id}, which is not open`);
      return;
    }
    this.#prompts.delete(id);
    const books = this.#books(prompt.session);
    if (error !== undefined) {
      if (this.#isExcused(prompt)) this.tally.refused += 1;
      else this.#complain('misanswered', `prompt ${prompt.n}: ${error.code} ${error.message}`);
      books.errors.push({ n: prompt.n, at: this.#now() });
      prompt.resolve('refused');
      return;
    }
    if (result?.n !== prompt.n) this.#complain('misanswered', `${prompt.n} has the answer of ${result?.n}`);
    this.#checkBehind(books, result?.life, result?.after, `the answer to ${prompt.n}`);
    for (const loss of this.#losses) {
      if (loss.until !== undefined) continue;
      if (this.#isBornAfter(result?.life, loss.from)) {
        loss.until = this.#now();
      }
    }
    prompt.resolve('answered');
  }

  /** An update came to the client. One without a number is the bridge's own. */
  update({ sessionId = '', life, d, update }: NonNullable<FromAgent['params']>): void {
    if (life === undefined || d === undefined) {
      this.#bridgeSays(sessionId, update?.content?.text ?? '');
      return;
    }
    this.tally.down += 1;
    const books = this.#books(sessionId);
    this.#enterLife(books, life);
    if (books.life !== life) {
      this.#complain('reordered', `update ${d} of ${life} came behind ${books.life}`);
      return;
    }
    const isAgain = d < books.nextDown && !books.hasHeardBridge && this.#lastEnd?.how === 'broken';
    if (d > books.nextDown) {
      this.#complain(
        'lostDown',
        `update ${d} of ${life} where ${books.nextDown} was due`,
        d - books.nextDown,
      );
    } else if (isAgain) {
      this.tally.shownAgain += books.nextDown - d;
      const shownAt = books.lastDownAt[d % keptTimes] ?? 0;
      this.tally.shownAgainMs = Math.max(this.tally.shownAgainMs, (this.#lastEnd?.at ?? 0) - shownAt);
    } else if (d < books.nextDown) {
      this.#complain(
        'doubledDown',
        `update ${d} of ${life} where ${books.nextDown} was due`,
        books.nextDown - d,
      );
    }
    books.hasHeardBridge = true;
    books.nextDown = d + 1;
    books.lastDownAt[d % keptTimes] = this.#now();
  }

  /** The agent asks something. Returns whether it is to be answered. */
  asked({ sessionId = '', life, a, after }: NonNullable<FromAgent['params']>): boolean {
    this.tally.down += 1;
    const key = `${life} ${a}`;
    const known = this.#asks.get(key);
    if (known?.bridge === this.#bridge) {
      this.#complain('doubledDown', `question ${key} came twice`);
      return false;
    }
    if (known === undefined) {
      const books = this.#books(sessionId);
      if (life !== undefined) this.#enterLife(books, life);
      this.#checkBehind(books, life, after, `question ${a}`);
    } else {
      this.tally.askedAgain += 1;
    }
    this.#asks.set(key, { bridge: this.#bridge, answers: known?.answers ?? 0 });
    return true;
  }

  /** The client answers it. */
  replied(life: string, a: number): void {
    this.tally.up += 1;
    const ask = this.#asks.get(`${life} ${a}`);
    if (ask !== undefined) ask.answers += 1;
  }

  born(life: string): void {
    this.#lives.set(life, {
      bornAt: this.#now(),
      mayEnd: false,
      runs: new Map(),
      written: undefined,
    });
  }

  /** The agent's side way has ended: so has it. */
  died(life: string): void {
    if (this.#lives.get(life)?.mayEnd === false)
      this.#complain('otherwise', `agent ${life} ended for no reason`);
  }

  garbled(life: string, bytes: number): void {
    this.#complain('otherwise', `agent ${life} got ${bytes} bytes that are no message`);
  }

  /** A message came to an agent that does not hold its session. */
  astray(life: string): void {
    this.#complain('otherwise', `agent ${life} got a message for a session that it has not`);
  }

  seen(life: string, runs: readonly (readonly [session: number, from: number, to: number])[]): void {
    const known = this.#lives.get(life);
    for (const [session, from, to] of runs) {
      const ofSession = known?.runs.get(session) ?? [];
      const last = ofSession.at(-1);
      if (last?.to === from - 1) last.to = to;
      else ofSession.push({ from, to });
      known?.runs.set(session, ofSession);
    }
  }

  /**
   * What an agent says at its end, or at the end of everything, of what it has written, and of its questions.
   *
   * @param isAll Whether nothing is under way any more
   */
  written(
    life: string,
    last: {
      readonly updates: readonly (readonly [session: number, count: number])[];
      readonly open: readonly number[];
      readonly answered: readonly number[];
    },
    isAll: boolean,
  ): void {
    const known = this.#lives.get(life);
    if (known === undefined) return;
    known.written = last.updates.map(([session, count]) => ({ session, count }));
    for (const [a, times] of last.answered.entries()) {
      const given = this.#asks.get(`${life} ${a}`)?.answers ?? 0;
      if (times > given)
        this.#complain('doubledUp', `question ${a} has ${times} answers, ${given} were given`);
    }
    if (!isAll) return;
    for (const a of last.open) {
      const ask = this.#asks.get(`${life} ${a}`);
      if (ask === undefined) this.#complain('lostDown', `question ${a} of ${life} never came`);
      else if (ask.answers === 0) this.#complain('lostDown', `question ${a} of ${life} was not asked again`);
      else if (ask.bridge === this.#bridge)
        this.#complain('lostUp', `the answer to question ${a} of ${life}`);
      else this.tally.lostWithBridge += 1;
    }
  }

  /** Whether the agent has seen all, and the client has all that it wrote. To be asked when nothing more is said. */
  isSettled(life: string): boolean {
    const written = this.#lives.get(life)?.written;
    return (
      written !== undefined &&
      [...this.#sessions.values()].every((books) => {
        const count = written.find((each) => each.session === books.number)?.count ?? 0;
        return (books.life === life ? books.nextDown : 0) >= count;
      })
    );
  }

  /** Closes the books: what did not come by now, never did. */
  close(): void {
    for (const [id, prompt] of this.#prompts) {
      this.#complain('misanswered', `prompt ${id} of ${prompt.session} has no answer`);
    }
    for (const [session, books] of this.#sessions) {
      this.#closeUp(session, books);
      this.#closeDown(session, books);
    }
  }

  otherwise(what: string): void {
    this.#complain('otherwise', what);
  }

  #closeUp(session: string, books: SessionBooks): void {
    let next = 0;
    let isFirstLife = true;
    for (const [name, life] of this.#lives) {
      let isFirst = true;
      for (const { from, to } of life.runs.get(books.number) ?? []) {
        if (from < next) {
          this.#complain(
            'doubledUp',
            `${session} ${from} came to ${name} where ${next} was due`,
            next - from,
          );
        } else if (from > next) {
          const count = from - next;
          if (isLostWithBridge(books, next, from)) this.tally.lostWithBridge += count;
          else if (isFirst && !isFirstLife) this.tally.lostWithAgent += count;
          else this.#complain('lostUp', `${session} ${from} came to ${name} where ${next} was due`, count);
        }
        isFirst = false;
        next = Math.max(next, to + 1);
        for (const { n, at } of books.errors) {
          if (n >= from && n <= to && at < life.bornAt) {
            this.#complain('otherwise', `prompt ${n} of ${session} ran although it was refused`);
          }
        }
      }
      isFirstLife = false;
    }
    if (next < books.nextUp) {
      this.#complain('lostUp', `${session} ends at ${next} of ${books.nextUp}`, books.nextUp - next);
    }
  }

  #closeDown(session: string, books: SessionBooks): void {
    for (const [name, { written }] of this.#lives) {
      const count = written?.find((each) => each.session === books.number)?.count ?? 0;
      const came = books.life === name ? books.nextDown : (books.cameOf?.get(name) ?? 0);
      if (came < count)
        this.#complain('lostDown', `${session} has ${came} of ${count} of ${name}`, count - came);
      if (written !== undefined && came > count) {
        this.#complain('otherwise', `${session} has ${came} of ${count} of ${name}`);
      }
    }
  }

  #bridgeSays(session: string, text: string): void {
    if (!text.includes('begins anew')) {
      this.tally.bridgeSaid += 1;
      return;
    }
    const books = this.#books(session);
    if (this.#memory === 'none') this.tally.begunAnew += 1;
    else this.#complain('otherwise', `${session} began anew, although the agent can bring it back`);
    books.wasTold = true;
  }

  #enterLife(books: SessionBooks, life: string): void {
    if (books.life === life || books.pastLives.has(life)) return;
    if (books.life !== undefined) {
      books.pastLives.add(books.life);
      books.cameOf ??= new Map();
      books.cameOf.set(books.life, books.nextDown);
    }
    // A bridge may have broken between beginning anew and saying so.
    const mustBeTold =
      this.#memory === 'none' && books.life !== undefined && books.lifeBegan === this.#bridge;
    if (mustBeTold && !books.wasTold) this.#complain('otherwise', `${life} began anew, and did not say so`);
    books.wasTold = false;
    books.lifeBegan = this.#bridge;
    books.life = life;
    books.nextDown = 0;
  }

  #checkBehind(books: SessionBooks, life: string | undefined, after: number | undefined, what: string): void {
    const came = life === books.life ? books.nextDown - 1 : -1;
    if (after === came) return;
    this.#complain(
      'reordered',
      `${what} came behind update ${came} of ${books.life}, and not ${after} of ${life}`,
    );
  }

  #isExcused({ sentAt }: Prompt): boolean {
    return this.#isLeaving || this.#losses.some(({ until }) => until === undefined || sentAt <= until);
  }

  #isBornAfter(life: string | undefined, time: number): boolean {
    return (this.#lives.get(life ?? '')?.bornAt ?? -1) > time;
  }

  #books(session: string): SessionBooks {
    const books = this.#sessions.get(session);
    if (books === undefined) throw new Error(`there is no session ${session}`);
    return books;
  }

  #complain(kind: FaultKind, what: string, count = 1): void {
    this.tally[kind] += count;
    if (this.complaints.length < 50) this.complaints.push(`${kind}: ${what}`);
  }
}

type FaultKind =
  'lostUp' | 'lostDown' | 'doubledUp' | 'doubledDown' | 'reordered' | 'misanswered' | 'otherwise';

/** Of how many of the latest updates it is known when they came. */
const keptTimes = 10_000;

interface Loss {
  readonly from: number;
  until?: number;
}

interface SessionBooks {
  readonly number: number;
  nextUp: number;
  /** The first number that was given to each bridge, and how the one before it had ended. */
  readonly firstOfBridges: Map<number, BridgeEnd>;
  /** The agent whose updates come now. */
  life: string | undefined;
  readonly pastLives: Set<string>;
  cameOf?: Map<string, number>;
  nextDown: number;
  readonly lastDownAt: number[];
  /** Whether an update came from the bridge that is there now. */
  hasHeardBridge: boolean;
  /** What the bridge that is there now was asked: an object while that is open, with which past is told. */
  loads: 'none yet' | 'done' | { readonly past: string | undefined };
  /** How many updates of each past came, by the agent and its load. */
  readonly pasts: Map<string, number>;
  /** Whether the conversation was told that it begins anew, since its agent was last another. */
  wasTold: boolean;
  /** At which bridge that was. */
  lifeBegan: number;
  /** Prompts that were refused. */
  readonly errors: { readonly n: number; readonly at: number }[];
}

/** Whether the numbers from `next` on up to `from` are what broken bridges had read: the next one begins with `from`. */
function isLostWithBridge({ firstOfBridges }: SessionBooks, next: number, from: number): boolean {
  return (
    firstOfBridges.has(from) &&
    [...firstOfBridges].some(([first, how]) => how === 'broken' && first > next && first <= from)
  );
}

interface Life {
  readonly bornAt: number;
  mayEnd: boolean;
  /** Whether the service dropped some of its input, for all that is known. */
  /** What it saw of each session, in order. */
  readonly runs: Map<number, { readonly from: number; to: number }[]>;
  written: readonly { readonly session: number; readonly count: number }[] | undefined;
}

interface Prompt {
  readonly session: string;
  readonly n: number;
  readonly sentAt: number;
  readonly resolve: (how: 'answered' | 'refused' | 'gone') => void;
}

interface Ask {
  /** Which bridge showed it last. */
  readonly bridge: number;
  answers: number;
}
