import { writeSync } from 'node:fs';
import type { IPty } from '@lydell/node-pty';
import { BridgeError } from '../../base/errors.ts';

/** How to start a process on a PTY. */
export interface PtyCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** How the process in a PTY ended. `signal` is 0 for a process that exited by itself. */
export interface PtyExit {
  readonly code: number;
  readonly signal: number;
}

export interface PtyEvents {
  /** Output of the PTY, split anywhere. */
  onOutput(bytes: Uint8Array): void;
  /** The process ended. Called behind all output, and last. */
  onExit(exit: PtyExit): void;
  /** `queuedBytes` has become less. */
  onDrain(): void;
}

/** A process on a PTY of its own. */
export interface Pty {
  readonly pid: number;
  /** Bytes of input that the PTY has not taken yet. */
  readonly queuedBytes: number;
  write(bytes: Uint8Array): void;
  /** Drops at most `bytes` of the newest input bytes that the PTY has not taken yet. */
  forgetInput(bytes: number): void;
  resize(columns: number, rows: number): void;
}

export type OpenPty = (command: PtyCommand, events: PtyEvents) => Pty;

/** Loads the native PTY package. Rejects with a {@link BridgeError} `usage` if it is not installed. */
export async function loadPty(): Promise<OpenPty> {
  const { spawn } = await import('@lydell/node-pty').catch((cause: unknown) => {
    throw new BridgeError(
      'usage',
      'The local AgentCore needs the package @lydell/node-pty, and it is not installed here.',
      {
        remedy: 'Install it with: npm install @lydell/node-pty',
        cause,
      },
    );
  });
  return (command, events) => {
    const terminal = spawn(command.file, [...command.args], {
      name: 'xterm-256color',
      cols: 80,
      rows: 24,
      cwd: command.cwd,
      env: { ...command.env },
      encoding: null,
    });
    return wrap(terminal as NativeTerminal, events);
  };
}

/** What the package has but its types lack. */
interface NativeTerminal extends IPty {
  readonly fd: number;
  on(event: 'error', listener: () => void): void;
}

function wrap(terminal: NativeTerminal, events: PtyEvents): Pty {
  const input = new PtyInput(terminal.fd, () => {
    events.onDrain();
  });
  terminal.onData((data) => {
    // With `encoding: null` these are bytes, although the types say otherwise.
    events.onOutput(data as unknown as Uint8Array);
    input.flush();
  });
  terminal.on('error', () => {
    // The other side is closed, and so is the descriptor: its number may soon mean another file.
    input.close();
  });
  terminal.onExit(({ exitCode, signal = 0 }) => {
    input.close();
    events.onExit({ code: exitCode, signal });
  });
  return {
    pid: terminal.pid,
    get queuedBytes() {
      return input.queuedBytes;
    },
    write: (bytes) => {
      input.write(bytes);
    },
    forgetInput: (bytes) => {
      input.forget(bytes);
    },
    resize: (columns, rows) => {
      if (!input.closed) terminal.resize(columns, rows);
    },
  };
}

/**
 * Node can't tell when the master of a PTY can be written to, so a full one is tried again. First 50 times at once,
 * since it holds only 8 KB, which a process that reads empties quickly; then each millisecond.
 */
const triesAtOnce = 50;
const retryMs = 1;

/**
 * Input on its way to a PTY. The package's own write spins until the PTY has taken everything, which is for ever if the
 * process in it waits for its own output to be read. So this class writes to the descriptor, as much as it takes.
 */
class PtyInput {
  readonly #fd: number;
  readonly #onDrain: () => void;
  #queue: Uint8Array[] = [];
  #cancelRetry: (() => void) | undefined;
  /** Tries since the PTY last took a byte. */
  #triesInVain = 0;
  queuedBytes = 0;
  closed = false;

  constructor(fd: number, onDrain: () => void) {
    this.#fd = fd;
    this.#onDrain = onDrain;
  }

  write(bytes: Uint8Array): void {
    if (this.closed || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.queuedBytes += bytes.length;
    if (this.#cancelRetry === undefined) this.flush();
  }

  flush(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const before = this.queuedBytes;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const taken = this.#tryWrite(head);
      this.queuedBytes -= taken;
      if (taken < head.length) {
        this.#queue[0] = head.subarray(taken);
        if (taken === 0) break;
      } else {
        this.#queue.shift();
      }
    }
    this.#triesInVain = this.queuedBytes < before ? 0 : this.#triesInVain + 1;
    if (this.queuedBytes > 0 && !this.closed) this.#cancelRetry = this.#tryAgain();
    if (this.queuedBytes < before) this.#onDrain();
  }

  #tryAgain(): () => void {
    if (this.#triesInVain < triesAtOnce) {
      const immediate = setImmediate(() => this.flush());
      return () => clearImmediate(immediate);
    }
    const timeout = setTimeout(() => this.flush(), retryMs);
    return () => clearTimeout(timeout);
  }

  forget(bytes: number): void {
    let left = Math.min(bytes, this.queuedBytes);
    this.queuedBytes -= left;
    for (let tail = this.#queue.pop(); tail !== undefined; tail = this.#queue.pop()) {
      if (tail.length > left) {
        this.#queue.push(tail.subarray(0, tail.length - left));
        return;
      }
      left -= tail.length;
    }
  }

  close(): void {
    this.closed = true;
    this.#cancelRetry?.();
    this.#queue = [];
    this.queuedBytes = 0;
  }

  /** Bytes that the PTY took: 0 if it is full, or if the other side is gone, which `onExit` tells. */
  #tryWrite(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return 0;
      this.close();
      return 0;
    }
  }
}
