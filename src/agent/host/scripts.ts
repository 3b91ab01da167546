import { readFileSync } from 'node:fs';
import { quote } from './quote.ts';

/**
 * Longest line that a terminal in canonical mode takes, newline included: the line buffer of Linux has 4096 bytes, of
 * which the newline in front of the line takes one.
 */
export const maxLineBytes = 4094;

/** What one attach asks of the host. */
export interface AttachRequest {
  /** Names the thread's directory in the microVM: its shell id. */
  readonly name: string;
  /** A random name that only this attach knows. */
  readonly nonce: string;
  /** Number of the attempt, from 1: an attach that gets no answer is asked for again. */
  readonly attempt: number;
  /** The epoch that the offsets below belong to; undefined for a bridge that knows nothing yet. */
  readonly epoch: string | undefined;
  /** Bytes of the agent's output that were received. */
  readonly outOffset: number;
  /** Key of the bridge's numbered lines on this attach: below 2^31. */
  readonly key: number;
  /**
   * How many bytes at the beginning of the output will never be asked for again, so that their disk can be freed. 0:
   * too few to be worth it.
   */
  readonly outFree: number;
  /** How many bytes at the beginning of the input are whole, acknowledged lines. 0: as above. */
  readonly inFree: number;
  /** Names the epoch whose agent is to be ended and replaced. */
  readonly replace: string | undefined;
  /** Save what the agent remembers. `rest`: with its databases. `busy`: without them, since a turn is open. */
  readonly save: 'rest' | 'busy' | undefined;
  /** How long the attach waits for the save, in milliseconds. The save goes on after that, too. */
  readonly saveMs: number;
}

/** What the host needs to start an agent. */
export interface AgentStart {
  /** Names the new epoch: 7 to 64 hexadecimal digits, of which the first 7 are the key of its output. */
  readonly epoch: string;
  /** A line of bash. */
  readonly command: string;
  /** Working directory; it is made if it does not exist. Undefined: /mnt/workspace, or else HOME. */
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** What is saved of the agent beyond the microVM's life: paths relative to HOME. */
  readonly persist: readonly string[];
  /**
   * Directory in the microVM where that is saved. Undefined: on the mount /mnt/workspace, or that of the working
   * directory.
   */
  readonly persistTo: string | undefined;
  /** How long the host waits for storage to be mounted in a new microVM, in milliseconds. */
  readonly workspaceTimeoutMs: number;
}

/**
 * The two lines that replace a shell by the host, with a newline in front that ends an unfinished line. Any POSIX shell
 * takes the first line, which is under 1000 bytes, the limit of some line editors. It replaces the shell by bash with
 * `exec`, so that no later input is run as a command, not even when the host has died. The second line brings the host.
 * A host of an earlier attach that still runs drops the first line.
 */
export function bootstrapLines(request: AttachRequest): Uint8Array {
  const { epoch = '-', replace = '-', save = '-' } = request;
  const nonce = `${request.nonce}.${request.attempt}`;
  const parameters = [
    request.name,
    nonce,
    epoch,
    request.outOffset,
    request.outFree,
    replace,
    save,
    Math.floor(request.saveMs / napMs),
    request.inFree,
    request.key,
  ];
  // -p: bash reads no start-up file and takes no functions from the environment.
  const host = `exec "$BASH" -pc ${quote(script('attach'))} agent-host ${parameters.join(' ')}`;
  return encoder.encode(`\n${toBash(nonce)}\n${marked(' """": ', host)}\n`);
}

/**
 * Puts a mark and the length in front of a command. Four quotes in a row occur in no JSON text, and are an empty word
 * to a shell.
 */
function marked(mark: string, command: string): string {
  return `${mark}${command.length};${command}`;
}

/**
 * The command that replaces a POSIX shell by bash. Each candidate is run once before: dash and ash find a file that can't
 * be executed, and an interactive shell drops the rest of the line when `exec` fails. zsh does not set `BASH`.
 */
function toBash(nonce: string): string {
  const loader =
    'trap : INT;while :;do IFS= read -r l||[ $? -gt 128 ]||exit;case $l in " \\"\\"\\"\\": "*)' +
    'l=${l#*: };n=${l%%;*};l=${l#*;};[ ${#l} = "$n" ]&&eval "$l";esac;done';
  return (
    ` unset HISTFILE;for b in bash "\${BASH-}" /bin/bash;do "$b" -pc : >/dev/null 2>&1&&exec "$b" -pc '${loader}';done;` +
    `printf '\\036acb %s 0 14 fail tool bash 0\\n' ${nonce}`
  );
}

/**
 * The answer to a host that needs to start the agent, as one line of the attach with this nonce. The terminal does not
 * echo it.
 */
export function startPayload(start: AgentStart, nonce: string): Uint8Array {
  const environment = Object.entries(start.env).map(([name, value]) => `export ${name}=${quote(value)}`);
  const variables = {
    NEW: start.epoch,
    COMMAND: start.command,
    CWD: start.cwd ?? '',
    ENVIRONMENT: environment.join('\n'),
    PERSIST_TO: start.persistTo ?? '',
    STORAGE_WAIT: String(Math.ceil(start.workspaceTimeoutMs / 1000)),
    FUNCTIONS: (['lines', 'follow', 'free', 'environ', 'keep', 'watch'] as const).map(script).join('\n'),
    RUN: script('run'),
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)};`);
  const persist = `PERSIST=(${start.persist.map(quote).join(' ')});`;
  const command = `${assignments.join('')}${persist}eval ${quote(script('start'))}`;
  return encoder.encode(`\n${marked(`\u001e${nonce}: `, command)}\n`);
}

const encoder = new TextEncoder();
/** How long the host sleeps between two looks while it waits for something. */
const napMs = 20;

/**
 * Reads a file of `scripts/`, without its comments and indentation. Read when needed, which is after the first answer.
 */
function script(
  name: 'attach' | 'environ' | 'follow' | 'free' | 'keep' | 'lines' | 'run' | 'start' | 'watch',
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
