import { ServiceError } from '../behaviour/service-error.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import type { MicroVm } from '../microvm/microvm.ts';
import type { Limits } from '../behaviour/limits.ts';
import type { Readings } from '../behaviour/readings.ts';
import type { OpenPty } from '../microvm/pty.ts';
import { Shell } from './shell.ts';
import type { ShellInfo } from './shell.ts';

export interface SessionOptions {
  readonly runtimeArn: string;
  readonly sessionId: string;
  readonly openPty: OpenPty;
  readonly shellCommand: readonly [string, ...string[]];
  readonly limits: Limits;
  readonly readings: Readings;
}

export interface SessionInfo {
  readonly runtimeArn: string;
  readonly sessionId: string;
  readonly shells: readonly ShellInfo[];
}

/** Reserves a shell for one client, before its upgrade is answered. No other client can get it meanwhile. */
export interface Claim {
  /**
   * Attaches the connection that `connect` makes, and ends the reservation. Throws if the shell can't be started, or
   * the microVM is gone.
   */
  attach(connect: (events: ConnectionEvents) => Connection): void;
  /** Ends the reservation, if it still stands. */
  release(): void;
}

/** A session whose microVM runs. */
export class Session {
  readonly #options: SessionOptions;
  readonly #microVm: MicroVm;
  readonly #shells = new Map<string, Shell>();
  /** Shells that are being attached to. */
  readonly #claimed = new Set<string>();
  /** Shells that a client ended. */
  readonly #closed = new Set<string>();
  readonly #lifetime: NodeJS.Timeout;
  #idle: NodeJS.Timeout | undefined;
  #state: 'running' | 'ending' = 'running';
  /** Resolves when all processes of the microVM are gone, for any reason. */
  readonly ended: Promise<void>;

  constructor(microVm: MicroVm, options: SessionOptions) {
    this.#microVm = microVm;
    this.#options = options;
    this.#lifetime = setTimeout(() => {
      void this.end();
    }, options.limits.lifetimeMs);
    this.ended = this.#end();
    this.#watchIdleness();
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  info(): SessionInfo {
    const { runtimeArn, sessionId } = this.#options;
    return { runtimeArn, sessionId, shells: [...this.#shells.values()].map((shell) => shell.info()) };
  }

  /** Reserves a shell. Throws a {@link ServiceError} if that is refused. */
  claim(shellId: string): Claim {
    if (this.#closed.has(shellId)) {
      throw new ServiceError(424, `Shell '${shellId}' was closed and can not be attached to again.`);
    }
    if (this.#claimed.has(shellId)) {
      throw new ServiceError(409, `Shell '${shellId}' is being attached to by another client.`);
    }
    if (!this.#shells.has(shellId) && this.#countedShells() >= this.#options.limits.shells) {
      throw new ServiceError(
        this.#options.readings.shellLimitError,
        `The session has ${this.#options.limits.shells} shells, and can not have more.`,
      );
    }
    this.#claimed.add(shellId);
    this.#watchIdleness();
    const release = (): void => {
      if (this.#claimed.delete(shellId)) this.#watchIdleness();
    };
    return {
      attach: (connect) => {
        try {
          this.#attach(shellId, connect);
        } finally {
          release();
        }
      },
      release,
    };
  }

  /** Kills one shell's process. Returns whether there is such a shell. */
  killShell(shellId: string): boolean {
    const shell = this.#shells.get(shellId);
    shell?.kill();
    return shell !== undefined;
  }

  /** Ends the microVM, as an eviction does: clients are told as the reading `eviction` says. */
  end(): Promise<void> {
    this.#stop();
    void this.#microVm.end();
    return this.ended;
  }

  async #end(): Promise<void> {
    await this.#microVm.ended;
    this.#stop();
    await Promise.all([...this.#shells.values()].map((shell) => shell.ended));
  }

  #stop(): void {
    this.#state = 'ending';
    clearTimeout(this.#lifetime);
    clearTimeout(this.#idle);
    for (const shell of this.#shells.values()) {
      shell.disconnect('the microVM is reclaimed');
      // A shell that is just entering the microVM may not be in it yet, and would not end with it.
      shell.kill();
    }
  }

  #attach(shellId: string, connect: (events: ConnectionEvents) => Connection): void {
    if (!this.running) throw new Error('the microVM is gone');
    const found = this.#shells.get(shellId);
    const shell = found ?? this.#start(shellId);
    shell.attach(connect, found !== undefined);
  }

  #start(shellId: string): Shell {
    const { openPty, shellCommand, limits, readings } = this.#options;
    const shell: Shell = new Shell({
      shellId,
      openPty,
      shellCommand,
      limits,
      readings,
      microVm: this.#microVm,
      onClosed: () => {
        this.#closed.add(shellId);
        this.#watchIdleness();
      },
      onAttachment: () => {
        this.#watchIdleness();
      },
      onExit: () => {
        this.#shells.delete(shellId);
        this.#watchIdleness();
      },
    });
    this.#shells.set(shellId, shell);
    return shell;
  }

  #countedShells(): number {
    const started = [...this.#shells.values()];
    const counted = this.#options.readings.detachedShellsCount
      ? started
      : started.filter((shell) => shell.attached);
    const claimedOnly = [...this.#claimed].filter((shellId) => !this.#shells.has(shellId));
    return counted.length + claimedOnly.length;
  }

  /** An attached shell keeps the microVM, even if it is idle. */
  #watchIdleness(): void {
    clearTimeout(this.#idle);
    const busy = this.#claimed.size > 0 || [...this.#shells.values()].some((shell) => shell.attached);
    if (busy || !this.running) return;
    this.#idle = setTimeout(() => {
      void this.end();
    }, this.#options.limits.idleMs);
  }
}
