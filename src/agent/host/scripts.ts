import { readFileSync } from 'node:fs';
import { quote } from './quote.ts';

/**
 * The longest line that a terminal in canonical mode takes, newline included, less one byte for the newline before it: the
 * line buffer of Linux has 4096 bytes.
 */
export const maxLineBytes = 4094;

/** What one attach asks of the host. */
export interface AttachRequest {
  /** Names the thread's directory in the microVM: its shell id. */
  readonly name: string;
  /** Known to this attach alone. */
  readonly nonce: string;
  /** Counts how often the attach was asked for, since what is lost is asked for again. */
  readonly attempt: number;
  /** The epoch that the offsets below belong to; undefined for a bridge that knows nothing yet. */
  readonly epoch: string | undefined;
  /** Bytes of the agent's output that were received. */
  readonly outOffset: number;
  /** What the bridge's lines are numbered with on this attach: below 2^31. */
  readonly key: number;
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
 * The lines that put the host in the place of a shell, with a newline in front that ends whatever stands there. The first
 * one any POSIX shell takes, in 1000 bytes, which is all that some line editors take: it gets to bash, by `exec`, so that
 * nothing is ever read as a command when the host is gone. The second one brings the host. A host that is there already,
 * of an earlier attach, drops the first.
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
  // No start-up file and no functions of the environment's: -p.
  const host = `exec "$BASH" -pc ${quote(script('attach'))} agent-host ${parameters.join(' ')}`;
  return encoder.encode(`\n${toBash(nonce)}\n${marked(' """": ', host)}\n`);
}

/** Four quotes in a row stand in no JSON text, and are an empty word to a shell. */
function marked(mark: string, command: string): string {
  return `${mark}${command.length};${command}`;
}

function toBash(nonce: string): string {
  const loader =
    'trap : INT;while :;do IFS= read -r l||[ $? -gt 128 ]||exit;case $l in " \\"\\"\\"\\": "*)' +
    'l=${l#*: };n=${l%%;*};l=${l#*;};[ ${#l} = "$n" ]&&eval "$l";esac;done';
  return (
    ` unset HISTFILE;for b in bash "$BASH" /bin/bash;do command -v "$b">/dev/null 2>&1&&exec "$b" -pc '${loader}';done;` +
    `printf '\\036acb %s 0 14 fail tool bash 0\\n' ${nonce}`
  );
}

/** What answers a host that needs to start the agent: one line, of the attach with this nonce. Travels with echo off. */
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
/** How long the host naps when it waits for something. */
const napMs = 20;

/** A file of `scripts/` without its comments and indentation. Read when it is needed: that is after the first answer. */
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
