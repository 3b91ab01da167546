import { readFileSync } from 'node:fs';
import { quote } from './quote.ts';

/** Interrupts the host, whatever it does: it detaches and waits for the next bootstrap line. JSON never holds this byte. */
export const interrupt: Uint8Array = Uint8Array.of(0x03);

/** A line buffer of a terminal in canonical mode, newline included (`MAX_CANON` of Linux). */
export const maxBootstrapBytes = 4095;

/** What one attach asks of the host. */
export interface AttachRequest {
  /** Names the thread's directory in the microVM: its shell id. */
  readonly name: string;
  /** Known to this attach alone: all output before the host's line with it is noise. */
  readonly nonce: string;
  /** The epoch that the offsets below belong to; undefined for a bridge that knows nothing yet. */
  readonly epoch: string | undefined;
  /** Bytes of the agent's output that were received. */
  readonly outOffset: number;
  /** Bytes of its input that the host has acknowledged. */
  readonly inAcknowledged: number;
  /** The first so many bytes of its output will never be asked for again: their disk can be freed. 0: not yet worth it. */
  readonly outFree: number;
  /** The first so many bytes of its input are whole lines that the host has acknowledged. 0: as above. */
  readonly inFree: number;
  /** End this epoch's agent and start another one. */
  readonly replace: string | undefined;
  /** Save what the agent remembers; its databases only where it is at rest. */
  readonly save: 'rest' | 'busy' | undefined;
  /** How long to wait for that, in milliseconds. It goes on after that, too. */
  readonly saveMs: number;
}

/** What the host needs to start an agent. */
export interface AgentStart {
  /** Names the new epoch: letters and digits. */
  readonly epoch: string;
  /** A line of bash. */
  readonly command: string;
  /** Working directory; made where it does not exist. Undefined: /mnt/workspace, or else HOME. */
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** What of it outlives the microVM: paths relative to HOME. */
  readonly persist: readonly string[];
  /** Directory in the microVM where that is kept. Undefined: on the mount /mnt/workspace, or that of the working directory. */
  readonly persistTo: string | undefined;
  /** How long storage may take to be mounted in a new microVM, in milliseconds. */
  readonly workspaceTimeoutMs: number;
}

/**
 * The line that puts the host in the place of a shell, newline included. `exec`, so that nothing is ever read as a
 * command when the host is gone; no history, and with `-p` no start-up file and no functions of the environment's.
 */
export function bootstrapLine(request: AttachRequest): Uint8Array {
  const { epoch = '-', replace = '-', save = '-' } = request;
  const parameters = [
    request.name,
    request.nonce,
    epoch,
    request.outOffset,
    request.inAcknowledged,
    request.outFree,
    replace,
    save,
    Math.floor(request.saveMs / napMs),
    request.inFree,
  ];
  return encoder.encode(
    ` """"unset HISTFILE; export ACB_IDLE=${quote(script('idle'))}; exec "$BASH" -pc ${quote(script('attach'))} agent-host ${parameters.join(' ')}\n`,
  );
}

/** What answers a host that needs to start the agent: a script, and the NUL that ends it. Travels with echo off. */
export function startPayload(start: AgentStart): Uint8Array {
  const environment = Object.entries(start.env).map(([name, value]) => `export ${name}=${quote(value)}`);
  const variables = {
    NEW: start.epoch,
    COMMAND: start.command,
    CWD: start.cwd ?? '',
    ENVIRONMENT: environment.join('\n'),
    PERSIST_TO: start.persistTo ?? '',
    STORAGE_WAIT: String(Math.ceil(start.workspaceTimeoutMs / 1000)),
    FUNCTIONS: (['follow', 'free', 'environ', 'keep', 'watch'] as const).map(script).join('\n'),
    RUN: script('run'),
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`);
  const persist = `PERSIST=(${start.persist.map(quote).join(' ')})\n`;
  return encoder.encode(`\u001e${assignments.join('')}${persist}${script('start')}\0`);
}

const encoder = new TextEncoder();
/** How long the host naps when it waits for something. */
const napMs = 20;

/** A file of `scripts/` without its comments and indentation. Read when it is needed: that is after the first answer. */
function script(
  name: 'attach' | 'environ' | 'follow' | 'free' | 'idle' | 'keep' | 'run' | 'start' | 'watch',
): string {
  const known = scripts.get(name);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`./scripts/${name}.sh`, import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .join('\n');
  scripts.set(name, text);
  return text;
}

const scripts = new Map<string, string>();
