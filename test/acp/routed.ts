import { Router } from '../../src/acp/router.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { createLog } from '../../src/base/log.ts';
import { bytesOf, textOf } from './json-texts.ts';
import { MemoryLink } from './memory-link.ts';

/** The first id that a {@link routed} router gives to the agent. */
export const firstId = 2 ** 19 * 2 ** 32;

export interface Routed {
  readonly router: Router;
  readonly link: MemoryLink;
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

/** A router between a client and an agent that the test plays. */
export function routed(onWrite: () => void = () => undefined): Routed {
  let link: MemoryLink | undefined;
  const written: string[][] = [];
  const fatal: BridgeError[] = [];
  const logged: string[] = [];
  const router = new Router({
    createLink: (events) => (link = new MemoryLink(events)),
    write: (lines) => {
      written.push(lines.map(textOf));
      onWrite();
      return lines.length;
    },
    onFatal: (error) => fatal.push(error),
    maxMessageHint: 'Raise it.',
    log: createLog({ level: 'debug', format: 'text', write: (line) => logged.push(line) }),
    random: () => 0.5,
  });
  if (link === undefined) throw new Error('the router made no link');
  const writes = async (): Promise<string[][]> => {
    await router.flushed(1000);
    return written.splice(0);
  };
  const told = async (): Promise<string[]> => (await writes()).flat();
  return {
    router,
    link,
    fatal,
    logged,
    ask: (...lines) => {
      for (const line of lines) router.fromClient(typeof line === 'string' ? bytesOf(line) : line);
    },
    writes,
    told,
    answers: async () => (await told()).map((line) => JSON.parse(line) as Answer),
  };
}

/** The same, with an agent that has been started. */
export function routedAndBegun(): Routed {
  const it = routed();
  it.link.begin();
  return it;
}
