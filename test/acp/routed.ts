import { randomBytes } from 'node:crypto';
import { Router, type RouterOptions } from '../../src/acp/routing/router.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { createLog } from '../../src/base/log.ts';
import { bytesOf, textOf } from './message/json-texts.ts';
import { MemoryLink } from './memory-link.ts';

/** The first id that a {@link routed} router gives to the agent. */
export const firstId = 2 ** 19 * 2 ** 32;

export interface Routed {
  readonly router: Router;
  /** That of the first thread. */
  readonly link: MemoryLink;
  /** Those of all threads, by key. */
  readonly links: ReadonlyMap<string, MemoryLink>;
  /** The keys of the microVMs that were ended. */
  readonly stopped: string[];
  readonly fatal: BridgeError[];
  readonly logged: string[];
  /** The client writes lines. */
  readonly ask: (...lines: readonly (string | Uint8Array)[]) => void;
  /** Takes what the client got since the last time, write by write. */
  readonly writes: () => Promise<string[][]>;
  /** Takes what the client got since the last time. */
  readonly told: () => Promise<string[]>;
  /** The same, parsed. */
  readonly answers: () => Promise<Answer[]>;
}

export interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: Readonly<Record<string, unknown>> };
}

/** What a test may want otherwise. */
export type RoutedOptions = Partial<RouterOptions> & { readonly onWrite?: () => void };

/** A router between a client and agents that the test plays; all sessions are in one thread, unless it wants otherwise. */
export function routed({ onWrite, ...options }: RoutedOptions = {}): Routed {
  const links = new Map<string, MemoryLink>();
  const written: string[][] = [];
  const fatal: BridgeError[] = [];
  const logged: string[] = [];
  const stopped: string[] = [];
  const log = createLog({ level: 'debug', format: 'text', write: (line) => logged.push(line) });
  const router = new Router({
    threads: { is: 'fixed', key: 'thread' },
    createLink: (key, input, events) => {
      const link = new MemoryLink(input, events);
      links.set(key, link);
      return link;
    },
    stopMachine: async (key) => void stopped.push(key),
    cache: { read: () => undefined, write: () => undefined },
    memory: { isKept: () => true, remember: () => undefined, recall: () => new Map() },
    agentCapabilities: undefined,
    initializeTimeoutMs: undefined,
    policy: { cancel: { strategy: 'stop', graceMs: 10_000 }, idleDetachMs: 0, progress: true },
    remote: { clientFs: false, clientTerminal: false, mcpStdio: 'drop', map: [], log },
    onProvisions: () => undefined,
    write: (lines) => {
      written.push(lines.map(textOf));
      onWrite?.();
      return lines.length;
    },
    onFatal: (error) => fatal.push(error),
    maxMessageHint: 'Raise it.',
    log,
    random: () => 0.5,
    randomBytes,
    ...options,
  });
  const writes = async (): Promise<string[][]> => {
    await router.flushed(1000);
    return written.splice(0);
  };
  const told = async (): Promise<string[]> => (await writes()).flat();
  return {
    router,
    get link() {
      const [link] = links.values();
      if (link === undefined) throw new Error('the router made no link');
      return link;
    },
    links,
    fatal,
    logged,
    stopped,
    ask: (...lines) => {
      for (const line of lines) router.fromClient(typeof line === 'string' ? bytesOf(line) : line);
    },
    writes,
    told,
    answers: async () => (await told()).map((line) => JSON.parse(line) as Answer),
  };
}

/** The same, with an agent that has been started. */
export function routedAndBegun(options: RoutedOptions = {}): Routed {
  const it = routed(options);
  it.link.begin();
  return it;
}
