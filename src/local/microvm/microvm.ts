import type { PtyCommand } from './pty.ts';

/**
 * `namespaces`: a mount and a PID namespace of its own. `directory`: only a HOME and a TMPDIR of its own, and a way to
 * end all its processes.
 */
export type Isolation = 'namespaces' | 'directory';

/** Stands for a Firecracker microVM: processes that are ended together, and files that belong to them. */
export interface MicroVm {
  /** The command that starts a shell in it on a PTY. */
  enter(shellCommand: readonly [string, ...string[]]): PtyCommand;
  /** Process id of the shell itself, given that of the process which `enter` started. */
  shellPid(ptyPid: number): number;
  /** Resolves when all its processes are gone, for any reason. */
  readonly ended: Promise<void>;
  /** Ends all its processes. Resolves when they are gone. */
  end(): Promise<void>;
}

/** One way to make microVMs. */
export interface MicroVms {
  readonly isolation: Isolation;
  /** @param workspace directory of this machine that outlives the microVM */
  start(workspace: string): Promise<MicroVm>;
}

export interface MicroVmSettings {
  /** A directory that only the microVMs use. */
  readonly stateDir: string;
  readonly containerEnv: Readonly<Record<string, string>>;
  readonly imagePaths: readonly string[];
}
