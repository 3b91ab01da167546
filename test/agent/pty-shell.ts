import { type IPty, spawn } from '@lydell/node-pty';
import { shellClose } from '../../src/shell/close-codes.ts';
import type { Shell, ShellEvents } from '../../src/shell/shell.ts';

export interface PtyShellOptions {
  readonly env: Readonly<Record<string, string>>;
  /** What a reattach replays: output since the last connection broke, or the last 256 KB whether seen or not. */
  readonly replay?: 'undelivered' | 'recent';
}

/**
 * Real bash in a real PTY behind a connection that can be cut: the shell layer's contract without a network. Like the
 * service it keeps the PTY while nobody is connected, and replays recent output.
 */
export class PtyShell {
  readonly #options: PtyShellOptions;
  #pty: IPty | undefined;
  #events: ShellEvents | undefined;
  #isOpen = false;
  #isPaused = false;
  #recent: Buffer[] = [];
  #recentBytes = 0;
  #held: Buffer[] = [];

  constructor(options: PtyShellOptions) {
    this.#options = options;
  }

  /** To be handed to a link; called again for another bridge on the same shell. */
  connect = (events: ShellEvents): Shell => {
    let isClosed = false;
    const isMine = (): boolean => this.#events === events && !isClosed;
    return {
      start: () => {
        this.#events?.onClose(shellClose(4000, ''));
        this.#events = events;
        this.#open();
      },
      write: (bytes) => {
        if (isMine() && this.#isOpen) this.#pty?.write(Buffer.from(bytes) as unknown as string);
      },
      unsentBytes: 0,
      sent: async () => undefined,
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        for (const bytes of this.#held.splice(0)) this.#deliver(bytes);
      },
      settle: () => undefined,
      reconnect: () => {
        if (isMine()) this.#open();
      },
      close: async () => {
        if (isMine()) {
          this.#events = undefined;
          this.#isOpen = false;
        }
        isClosed = true;
      },
    };
  };

  /** The connection breaks; `lost` bytes of output that were on their way are gone. Another one follows. */
  cut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#events?.onClose(shellClose(1006, ''));
    setImmediate(() => this.#open());
  }

  /** The shell dies, and what runs in it with it. */
  killShell(): void {
    this.#pty?.kill('SIGKILL');
  }

  /** Raw bytes to the PTY, from nobody. */
  type(bytes: Uint8Array): void {
    this.#pty?.write(Buffer.from(bytes) as unknown as string);
  }

  end(): void {
    this.#events = undefined;
    this.#isOpen = false;
    this.#pty?.kill('SIGKILL');
    this.#pty = undefined;
  }

  #open(): void {
    const events = this.#events;
    if (events === undefined || this.#isOpen) return;
    const reconnected = this.#pty !== undefined;
    this.#pty ??= this.#spawn();
    this.#isOpen = true;
    events.onOpen();
    events.onStatus({ is: 'confirmation', shellId: 'shell', reconnected });
    if (reconnected) this.#deliver(Buffer.concat(this.#recent));
  }

  #spawn(): IPty {
    const pty = spawn('/bin/bash', [], { env: { ...this.#options.env }, encoding: null });
    this.#recent = [];
    this.#recentBytes = 0;
    pty.onData((data) => {
      const bytes = data as unknown as Buffer;
      if (this.#isOpen && this.#options.replay !== 'recent') this.#recent = [];
      else this.#remember(bytes);
      if (this.#isOpen) this.#deliver(bytes);
    });
    pty.onExit(() => {
      if (this.#pty !== pty) return;
      this.#pty = undefined;
      if (!this.#isOpen) return;
      this.#isOpen = false;
      this.#events?.onClose(shellClose(1000, ''));
    });
    return pty;
  }

  #remember(bytes: Buffer): void {
    this.#recent.push(bytes);
    this.#recentBytes += bytes.length;
    while (this.#recentBytes > 262_144) this.#recentBytes -= this.#recent.shift()?.length ?? 0;
  }

  #deliver(bytes: Buffer): void {
    if (this.#isPaused) this.#held.push(bytes);
    else if (bytes.length > 0) this.#events?.onOutput(bytes);
  }
}
