import type { PtyCommand } from './pty.ts';

/**
 * `namespaces`: a mount and a PID namespace of its own. `directory`: nothing but its own HOME and TMPDIR, and a way to
 * end every process of it.
 */
export type Isolation = 'namespaces' | 'directory';

/** What stands for a Firecracker microVM: processes that are ended together, and files that go with them. */
export interface MicroVm {
  /** How a shell in it is started on a PTY. */
  enter(shellCommand: readonly [string, ...string[]]): PtyCommand;
  /** Process id of the shell itself, given that of what `enter` started. */
  shellPid(ptyPid: number): number;
  /** Resolves when every process of it is gone, however that came. */
  readonly ended: Promise<void>;
  /** Ends every process of it. Resolves when they are gone. */
  end(): Promise<void>;
}

/** One way to make microVMs. */
export interface MicroVms {
  readonly isolation: Isolation;
  /** @param workspace directory of this machine that outlives the microVM */
  start(workspace: string): Promise<MicroVm>;
}

export interface MicroVmSettings {
  /** Directory that is the microVMs' own. */
  readonly stateDir: string;
  readonly containerEnv: Readonly<Record<string, string>>;
  readonly imagePaths: readonly string[];
}
