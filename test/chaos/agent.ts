/**
 * An agent whose every message has a number. `session/prompt {n, updates, ask, bytes}` is answered behind so many updates and,
 * perhaps, a question to the client. What it sees is told on a side way, a TCP connection that no fault hits, so that
 * it is known even where the agent is killed. Arguments: the port of that, and how it brings sessions back.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import process from 'node:process';
import { LineAssembler } from '../../src/base/lines.ts';
import { type AgentReport, type Command, type FromClient, isWhole, pastUpdates } from './wire.ts';

const life = randomBytes(4).toString('hex');
const memory = process.argv[3];
const side = connect(Number(process.argv[2]), '127.0.0.1');
const tell = (report: AgentReport): boolean => side.write(`${JSON.stringify(report)}\n`);
tell({ is: 'born', life });

/** The sessions that it holds. */
const sessions = new Set<string>();
let loads = 0;
/** Per session: how many updates were written. */
const written = new Map<number, number>();
/** Questions that wait for an answer, by number. */
const asked = new Map<number, () => void>();
const timesAnswered: number[] = [];
/** Numbers that came since the last report, in runs. */
let seen: [session: number, from: number, to: number][] = [];

let isDying = false;

function say(message: object): void {
  if (isDying) return;
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function lastOf(session: number): number {
  return (written.get(session) ?? 0) - 1;
}

function update(sessionId: string, session: number, bytes: number): void {
  const d = written.get(session) ?? 0;
  written.set(session, d + 1);
  say({ method: 'session/update', params: { sessionId, life, d, pad: 'é'.repeat(bytes / 2) } });
}

function ask(sessionId: string, session: number): Promise<void> {
  const a = timesAnswered.push(0) - 1;
  const { promise, resolve } = Promise.withResolvers<void>();
  asked.set(a, resolve);
  say({
    id: a,
    method: 'session/request_permission',
    params: { sessionId, life, a, after: lastOf(session) },
  });
  return promise;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function turn({ id, params }: FromClient): Promise<void> {
  const { sessionId = '', s = -1, n, updates = 0, bytes = 0, ask: isAsking } = params ?? {};
  for (let i = 0; i < updates; i += 1) {
    update(sessionId, s, i === 0 ? bytes : 40);
    if (i % 16 === 15) await nextTurn();
    if (isAsking === true && i === Math.floor(updates / 2)) await ask(sessionId, s);
  }
  say({ id, result: { stopReason: 'end_turn', life, n, after: lastOf(s) } });
}

function hold(sessionId: string): { readonly sessionId: string } {
  sessions.add(sessionId);
  return { sessionId };
}

function load(sessionId: string): object {
  loads += 1;
  for (let h = 0; h < pastUpdates; h += 1) {
    say({ method: 'session/update', params: { sessionId, life, load: loads, h } });
  }
  hold(sessionId);
  return {};
}

/** Undefined: there is no such method here. */
const answers: Record<string, (sessionId: string) => object | undefined> = {
  initialize: () => ({
    protocolVersion: 1,
    agentCapabilities: {
      ...(memory !== 'none' && { loadSession: true }),
      ...(memory === 'resume' && { sessionCapabilities: { resume: {} } }),
    },
  }),
  'session/new': () => hold(`s-${randomBytes(4).toString('hex')}`),
  'session/load': (sessionId) => (memory === 'none' ? undefined : load(sessionId)),
  'session/resume': (sessionId) => (memory === 'resume' ? { ...hold(sessionId) } : undefined),
};

function read(line: Uint8Array): void {
  let message: FromClient;
  try {
    message = JSON.parse(Buffer.from(line).toString('utf8')) as FromClient;
  } catch {
    tell({ is: 'garbled', bytes: line.length });
    return;
  }
  const { id, method, params, result, check, mark } = message;
  const isNumbered = check !== undefined || mark !== undefined || params?.n !== undefined;
  if (isNumbered && !isWhole(message)) {
    tell({ is: 'garbled', bytes: line.length });
    return;
  }
  if (isNumbered && params?.sessionId !== undefined && !sessions.has(params.sessionId)) {
    tell({ is: 'astray' });
    if (id !== undefined) return;
  }
  if (params?.n !== undefined && params.s !== undefined) note(params.s, params.n);
  if (method === undefined) {
    const a = result?.a;
    if (a === undefined) return;
    timesAnswered[a] = (timesAnswered[a] ?? 0) + 1;
    asked.get(a)?.();
    asked.delete(a);
  } else if (method === 'session/prompt') {
    void turn(message);
  } else if (id !== undefined) {
    const answer = answers[method]?.(params?.sessionId ?? '');
    if (answer === undefined) say({ id, error: { code: -32601, message: 'no such method' } });
    else say({ id, result: answer });
  }
}

function note(session: number, n: number): void {
  const last = seen.at(-1);
  if (last?.[0] === session && last[2] === n - 1) last[2] = n;
  else seen.push([session, n, n]);
}

function report(): void {
  if (seen.length > 0) tell({ is: 'seen', runs: seen });
  seen = [];
}

const input = new LineAssembler({
  maxBytes: 256 * 1024 * 1024,
  onLine: read,
  onOversizedLine: (_head, start, end) => tell({ is: 'garbled', bytes: end - start }),
});
process.stdin.on('data', (chunk: Uint8Array) => {
  input.push(chunk);
  report();
});

const commands: Record<Command['do'], (command: Command) => void> = {
  stall: ({ ms = 0 }) => {
    process.stdin.pause();
    setTimeout(() => process.stdin.resume(), ms);
  },
  crash: ({ half }) => {
    // Half a message is nobody's.
    if (half === true) process.stdout.write('{"jsonrpc":"2.0","method":"session/up');
    report();
    tell({ is: 'written', updates: [...written], open: [...asked.keys()], answered: timesAnswered });
    side.end(() => process.kill(process.pid, 'SIGKILL'));
    // What it saw or said after its last report would not be counted.
    isDying = true;
    process.stdin.pause();
  },
  report: () => {
    report();
    tell({ is: 'written', updates: [...written], open: [...asked.keys()], answered: timesAnswered });
  },
};
const orders = new LineAssembler({
  maxBytes: 4096,
  onLine: (line) => {
    const command = JSON.parse(Buffer.from(line).toString('utf8')) as Command;
    commands[command.do](command);
  },
  onOversizedLine: () => undefined,
});
side.on('data', (chunk: Uint8Array) => orders.push(chunk));
side.on('error', () => undefined);
