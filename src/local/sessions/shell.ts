import type { Connection, ConnectionEvents } from './connection.ts';
import { channels } from './frames.ts';
import { Greeting } from './greeting.ts';
import type { MicroVm } from '../microvm/microvm.ts';
import type { Limits } from '../behaviour/limits.ts';
import type { Readings } from '../behaviour/readings.ts';
import { membersOfSession, signal } from '../microvm/processes.ts';
import type { OpenPty, Pty, PtyExit } from '../microvm/pty.ts';
import { ReplayRing } from './replay-ring.ts';
import { ShellInput } from './shell-input.ts';
import { exitStatus } from './status.ts';

export interface ShellInfo {
  readonly shellId: string;
  /** Process id of the shell, on this machine. */
  readonly pid: number;
  readonly attached: boolean;
}

export interface ShellOptions {
  readonly shellId: string;
  readonly microVm: MicroVm;
  readonly openPty: OpenPty;
  readonly shellCommand: readonly [string, ...string[]];
  readonly limits: Limits;
  readonly readings: Readings;
  /** The client asked for the shell's end: nobody may attach to it again. */
  readonly onClosed: () => void;
  /** A connection came or went. */
  readonly onAttachment: () => void;
  /** The process in the PTY is gone. */
  readonly onExit: () => void;
}

type ShellState =
  | { readonly kind: 'detached' }
  | { readonly kind: 'attached'; readonly connection: Connection; readonly greeting: Greeting }
  /** The client asked for the shell's end, and waits for it unless it left. */
  | { readonly kind: 'ending'; readonly connection: Connection | undefined; readonly kill: NodeJS.Timeout }
  | { readonly kind: 'ended' };

/** A shell on its PTY, attached or not. */
export class Shell {
  readonly #options: ShellOptions;
  readonly #pty: Pty;
  readonly #input: ShellInput;
  readonly #ring: ReplayRing;
  readonly #ended = Promise.withResolvers<void>();
  /** Position behind the last byte of output that went to a client. */
  #sent = 0;
  /** Bytes of output that are still to be lost, as in a dead socket. */
  #losing = 0;
  #state: ShellState = { kind: 'detached' };

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#ring = new ReplayRing(options.limits.replayBytes);
    this.#pty = options.openPty(options.microVm.enter(options.shellCommand), {
      onOutput: (bytes) => {
        this.#output(bytes);
      },
      onExit: (exit) => {
        this.#exit(exit);
      },
      onDrain: () => {
        this.#steerInput();
      },
    });
    this.#input = new ShellInput((bytes) => {
      this.#pty.write(bytes);
      this.#steerInput();
    });
  }

  get attached(): boolean {
    return this.#state.kind === 'attached';
  }

  /** Resolves when the process in the PTY is gone. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  info(): ShellInfo {
    return { shellId: this.#options.shellId, pid: this.#pid, attached: this.attached };
  }

  /** Gives the shell to a connection, which `connect` makes. The connection that had it is closed with 4000. */
  attach(connect: (events: ConnectionEvents) => Connection, reconnected: boolean): void {
    const connection: Connection = connect({
      onStdin: this.#input.attach(),
      onResize: (columns, rows) => {
        this.#pty.resize(columns, rows);
      },
      onEndShell: () => {
        this.#endFor(connection);
      },
      onLost: ({ input, output }) => {
        this.#pty.forgetInput(input);
        this.#losing = output;
      },
      onGone: () => {
        this.#detach(connection);
      },
    });
    const before = this.#state;
    const ring = this.#ring;
    const greeting = new Greeting(
      connection,
      {
        shellId: this.#options.shellId,
        reconnected,
        replay: ring.read(this.#options.readings.replay === 'recent' ? ring.start : this.#sent),
        bytesDropped: Math.max(0, ring.start - this.#sent),
      },
      this.#options.readings,
    );
    this.#state = { kind: 'attached', connection, greeting };
    this.#sent = ring.end;
    // Output from now on goes to a live socket.
    this.#losing = 0;
    if (before.kind === 'attached') {
      before.greeting.end();
      before.connection.close(4000, 'another client attached to this shell');
    }
    this.#options.onAttachment();
    greeting.begin();
  }

  /** The microVM ends: tells the client, if there is one. */
  disconnect(reason: string): void {
    if (this.#state.kind !== 'attached') return;
    const { connection } = this.#state;
    const { eviction } = this.#options.readings;
    if (eviction !== 1001) connection.send(channels.close);
    connection.close(eviction === '0xff-1000' ? 1000 : 1001, reason);
  }

  /** Kills the process in the PTY. */
  kill(): void {
    signal(this.#pid, 'SIGKILL');
  }

  get #pid(): number {
    return this.#options.microVm.shellPid(this.#pty.pid);
  }

  #output(bytes: Uint8Array): void {
    const lost = Math.min(this.#losing, bytes.length);
    this.#losing -= lost;
    const kept = bytes.subarray(lost);
    this.#ring.push(kept);
    const state = this.#state;
    if (state.kind !== 'attached' || kept.length === 0) return;
    // Counted before it is sent: what a cut loses on the way counts as sent.
    this.#sent = this.#ring.end;
    state.connection.sendOutput(kept);
    state.greeting.afterOutput();
  }

  /** While the PTY takes no input, the client is not read. */
  #steerInput(): void {
    if (this.#state.kind !== 'attached') return;
    this.#state.connection.setBackpressure(this.#pty.queuedBytes > this.#options.limits.inputBufferBytes);
  }

  #detach(connection: Connection): void {
    const state = this.#state;
    if (state.kind === 'attached' && state.connection === connection) {
      state.greeting.end();
      this.#state = { kind: 'detached' };
      this.#options.onAttachment();
    } else if (state.kind === 'ending' && state.connection === connection) {
      this.#state = { ...state, connection: undefined };
    }
  }

  /** Sends SIGHUP, then SIGKILL: first to the shell, then to every process on its PTY. */
  #endFor(connection: Connection): void {
    if (this.#state.kind !== 'attached') return;
    this.#state.greeting.end();
    signal(this.#pid, 'SIGHUP');
    const kill = setTimeout(() => {
      for (const pid of membersOfSession(this.#pty.pid)) signal(pid, 'SIGKILL');
    }, this.#options.limits.hangupMs);
    this.#state = { kind: 'ending', connection, kill };
    this.#options.onClosed();
  }

  #exit(exit: PtyExit): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    this.#input.end();
    if (state.kind === 'attached') {
      state.greeting.end();
      state.connection.send(channels.status, exitStatus(exit));
      state.connection.close(1000, 'the shell exited');
    } else if (state.kind === 'ending') {
      clearTimeout(state.kill);
      state.connection?.close(1000, 'the shell was ended');
    }
    this.#options.onExit();
    this.#ended.resolve();
  }
}
