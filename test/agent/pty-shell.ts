import process from 'node:process';
import { loadPty, type Pty } from '../../src/local/microvm/pty.ts';
import { shellClose } from '../../src/shell/close-codes.ts';
import type { Shell, ShellEvents } from '../../src/shell/shell.ts';

export interface PtyShellOptions {
  readonly env: Readonly<Record<string, string>>;
  /** What a reattach replays: output since the last connection broke, or the last 256 KB whether seen or not. */
  readonly replay?: 'undelivered' | 'recent';
  /** Whether the service says if a shell is a new one. */
  readonly confirms?: boolean;
  /** Bash, or what is to run in its place. */
  readonly shell?: readonly [string, ...string[]];
}

/**
 * Real bash in a real PTY behind a connection that can be cut: the shell layer's contract without a network. Like the
 * service it keeps the PTY while nobody is connected, and replays recent output.
 */
export class PtyShell {
  readonly #options: PtyShellOptions;
  #pty: Pty | undefined;
  #events: ShellEvents | undefined;
  #isOpen = false;
  #isPaused = false;
  #recent: Uint8Array[] = [];
  #recentBytes = 0;
  #held: Uint8Array[] = [];
  /** Those who wait for a stalled connection to flow. */
  #stalled: (() => void)[] | undefined;
  /** On its way to the PTY. */
  #inFlight: Uint8Array[] = [];
  /** How much of what is written next gets lost though the connection holds. */
  #swallow = { after: 0, bytes: 0 };
  /** Connections that were opened so far. */
  connections = 0;
  /** All that was written, connection by connection, whether it arrived or not. */
  onWrite: (bytes: Uint8Array) => void = () => undefined;

  constructor(options: PtyShellOptions) {
    this.#options = options;
  }

  /** To be handed to a link; called again for another bridge on the same shell. */
  connect = (events: ShellEvents): Shell => {
    let isClosed = false;
    const isMine = (): boolean => this.#events === events && !isClosed;
    const stalled = (): boolean => this.#stalled !== undefined;
    return {
      start: () => {
        if (this.#events !== events) this.#leave(4000);
        this.#events = events;
        this.#open();
      },
      write: (bytes) => {
        if (isMine() && this.#isOpen) this.#send(bytes);
      },
      get unsentBytes() {
        return stalled() ? Number.POSITIVE_INFINITY : 0;
      },
      sent: () => new Promise((resolve) => (stalled() ? this.#stalled?.push(resolve) : resolve())),
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        for (const bytes of this.#held.splice(0)) this.#deliver(bytes);
      },
      settle: () => undefined,
      reconnect: () => {
        if (!isMine()) return;
        this.#leave(1006);
        setImmediate(() => this.#open());
      },
      rest: () => {
        if (!isMine()) return;
        this.#arrive();
        this.#leave(1000);
      },
      close: async () => {
        if (isMine()) {
          this.#arrive();
          this.#events = undefined;
          this.#isOpen = false;
        }
        isClosed = true;
      },
    };
  };

  /** The connection breaks, and what is on its way to the PTY with it. Another one follows. */
  cut(): void {
    if (!this.#isOpen) return;
    this.#leave(1006);
    setImmediate(() => this.#open());
  }

  /** The connection breaks, and before the next one comes this happens. */
  async interlude(happens: () => Promise<void>): Promise<void> {
    const events = this.#events;
    this.#leave(1006);
    this.#events = undefined;
    await happens();
    this.#events = events;
    this.#open();
  }

  /** The connection takes no more, until `flow`. */
  stall(): void {
    this.#stalled ??= [];
  }

  flow(): void {
    const waiting = this.#stalled ?? [];
    this.#stalled = undefined;
    for (const resolve of waiting) resolve();
  }

  /** What the shell printed while nobody was connected. */
  get undelivered(): string {
    return Buffer.concat(this.#recent).toString();
  }

  /** The bridge's process is gone, without a word. */
  forgetClient(): void {
    this.#inFlight = [];
    this.#isOpen = false;
    this.#events = undefined;
  }

  /** The shell dies, and what runs in it with it. */
  killShell(): void {
    kill(this.#pty);
  }

  /** Another shell takes the place of this one, which goes on running with nobody attached. Returns how to end it. */
  abandonShell(): () => void {
    const pty = this.#pty;
    this.#pty = undefined;
    this.cut();
    return () => kill(pty);
  }

  /** Raw bytes to the PTY, from nobody, behind what is on its way. */
  type(bytes: Uint8Array): void {
    if (this.#inFlight.length === 0) setImmediate(() => this.#arrive());
    this.#inFlight.push(bytes);
  }

  /** Of what is written next, `bytes` bytes get lost behind the first `after` ones. */
  swallow(bytes: number, after = 0): void {
    this.#swallow = { after, bytes };
  }

  end(): void {
    this.forgetClient();
    kill(this.#pty);
    this.#pty = undefined;
  }

  #send(bytes: Uint8Array): void {
    this.onWrite(bytes);
    const { after, bytes: count } = this.#swallow;
    const from = Math.min(after, bytes.length);
    const to = Math.min(from + count, bytes.length);
    this.#swallow = { after: after - from, bytes: count - (to - from) };
    this.type(Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]));
  }

  #arrive(): void {
    for (const bytes of this.#inFlight.splice(0)) this.#pty?.write(bytes);
  }

  #leave(code: number): void {
    this.#inFlight = [];
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#events?.onClose(shellClose(code, ''));
  }

  #open(): void {
    const events = this.#events;
    if (events === undefined || this.#isOpen) return;
    const reconnected = this.#pty !== undefined;
    this.#pty ??= this.#spawn();
    this.#isOpen = true;
    this.connections += 1;
    events.onOpen();
    if (this.#options.confirms !== false) {
      events.onStatus({ is: 'confirmation', shellId: 'shell', reconnected });
    }
    if (reconnected) this.#deliver(Buffer.concat(this.#recent));
  }

  #spawn(): Pty {
    const [file, ...args] = this.#options.shell ?? ['/bin/bash'];
    this.#recent = [];
    this.#recentBytes = 0;
    const pty: Pty = openPty(
      { file, args, env: this.#options.env, cwd: '/' },
      {
        onOutput: (bytes) => {
          if (this.#pty !== pty) return;
          if (this.#isOpen && this.#options.replay !== 'recent') this.#recent = [];
          else this.#remember(bytes);
          if (this.#isOpen) this.#deliver(bytes);
        },
        onExit: () => {
          if (this.#pty !== pty) return;
          this.#pty = undefined;
          this.#leave(1000);
        },
        onDrain: () => undefined,
      },
    );
    return pty;
  }

  #remember(bytes: Uint8Array): void {
    this.#recent.push(bytes);
    this.#recentBytes += bytes.length;
    while (this.#recentBytes > 262_144) this.#recentBytes -= this.#recent.shift()?.length ?? 0;
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#isPaused) this.#held.push(bytes);
    else if (bytes.length > 0) this.#events?.onOutput(bytes);
  }
}

const openPty = await loadPty();

function kill(pty: Pty | undefined): void {
  if (pty === undefined) return;
  try {
    process.kill(pty.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
