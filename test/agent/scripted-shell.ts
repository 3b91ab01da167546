import type { AgentLinkEvents } from '../../src/agent/agent-link.ts';
import { encodePiece, outputKey, type Piece } from '../../src/agent/host/numbered-lines.ts';
import { ResumableLink, type ResumableLinkOptions } from '../../src/agent/resume/resumable-link.ts';
import { silentLog } from '../../src/base/log.ts';
import { Lines } from './lines.ts';
import { shellClose } from '../../src/shell/close-codes.ts';
import type { Shell, ShellEvents } from '../../src/shell/shell.ts';

/** What a bridge asks of the host at an attach. */
export interface Attach {
  readonly nonce: string;
  readonly epoch: string;
  readonly outOffset: number;
  readonly replace: string;
}

/** What a host says, behind its nonce; nothing where it stays silent. */
export type Answer = (attach: Attach, attaches: number) => readonly string[];

/** A shell in which a host says whatever the test wants. Nothing of what it says is asked for by the agent's input. */
export class ScriptedShell {
  readonly #answer: Answer;
  #events: ShellEvents | undefined;

  /** All that was written to it. */
  written = Buffer.alloc(0);
  attaches = 0;
  connections = 0;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  connect = (events: ShellEvents): Shell => {
    this.#events = events;
    return {
      start: () => this.#open(),
      write: (bytes) => this.#onWrite(bytes),
      unsentBytes: 0,
      sent: () => Promise.resolve(),
      pause: () => undefined,
      resume: () => undefined,
      settle: () => undefined,
      reconnect: () => {
        this.#events?.onClose(shellClose(1006, ''));
        this.#open();
      },
      rest: () => undefined,
      close: () => {
        this.#events = undefined;
        return Promise.resolve();
      },
    };
  };

  /** The PTY says something. */
  say(text: string | Uint8Array): void {
    this.#events?.onOutput(typeof text === 'string' ? Buffer.from(text) : text);
  }

  #open(): void {
    this.connections += 1;
    // As on a network, nothing comes before what asked for it has returned.
    queueMicrotask(() => this.#events?.onOpen());
  }

  #onWrite(bytes: Uint8Array): void {
    this.written = Buffer.concat([this.written, bytes]);
    const text = Buffer.from(bytes).toString('latin1');
    const [, nonce, epoch = '-', outOffset, , replace = '-'] =
      / agent-host \S+ (\S+) (\S+) (\d+) (\d+) (\S+) /.exec(text) ?? [];
    if (nonce === undefined) return;

    this.attaches += 1;
    const attach = { nonce, epoch, outOffset: Number(outOffset), replace };
    const said = this.#answer(attach, this.attaches);
    queueMicrotask(() => {
      for (const [number, words] of said.entries()) this.say(recordOf(nonce, number, words));
    });
  }
}

/** What a host prints to say this, as its record of this number; `nonce` with the attempt. */
export function recordOf(nonce: string, number: number, words: string): string {
  return `\u001eacb ${nonce} ${number} ${Buffer.byteLength(words)} ${words} ${number}\n`;
}

/** What an epoch's output holds at this place, where an agent wrote this line. */
export function numbered(epoch: string, offset: number, line: string, kind: Piece['kind'] = 'last'): Buffer {
  const target = Buffer.alloc(Buffer.byteLength(line) + 100);
  const end = encodePiece(
    target,
    0,
    { offset, payload: Buffer.from(line), kind },
    { key: outputKey(epoch), engine: 'perl' },
  );
  return target.subarray(0, end);
}

/** A link to the host in such a shell. */
export function linkTo(
  shell: ScriptedShell,
  options: Pick<ResumableLinkOptions, 'maxLineBytes'> &
    Partial<Pick<ResumableLinkOptions, 'log' | 'input'>> & { readonly events: Partial<AgentLinkEvents> },
): ResumableLink {
  const nothing = (): void => undefined;
  return new ResumableLink({
    shellId: 'shell',
    createShell: shell.connect,
    command: 'agent',
    cwd: undefined,
    env: {},
    persist: [],
    persistTo: undefined,
    workspaceTimeoutMs: 60_000,
    log: silentLog,
    input: new Lines(),
    ...options,
    events: {
      onEpoch: nothing,
      onLine: nothing,
      onOversizedLine: nothing,
      onExit: nothing,
      onState: nothing,
      onSaved: nothing,
      onFailed: nothing,
      ...options.events,
    },
  });
}
