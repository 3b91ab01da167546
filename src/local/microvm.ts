import { BridgeError } from '../base/errors.ts';
import { directoryMicroVms } from './microvm-directory.ts';
import { namespaceMicroVms } from './microvm-namespaces.ts';
import type { Isolation, LocalAgentCoreOptions } from './options.ts';
import type { PtyCommand } from './pty.ts';

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

/**
 * Chooses how microVMs are made here: `auto` tries whether namespaces can be had. Rejects with a {@link BridgeError}
 * `usage` where what was asked for can't be.
 */
export async function chooseMicroVms(
  wanted: NonNullable<LocalAgentCoreOptions['isolation']>,
  settings: MicroVmSettings,
): Promise<MicroVms> {
  if (process.platform !== 'linux') {
    throw new BridgeError('usage', `The local AgentCore needs Linux, and this is ${process.platform}.`, {
      remedy: 'Run it in a Linux container or virtual machine.',
    });
  }
  if (wanted === 'directory') return directoryMicroVms(settings);
  try {
    return await namespaceMicroVms(settings);
  } catch (cause) {
    if (wanted === 'auto') return directoryMicroVms(settings);
    throw new BridgeError(
      'usage',
      'Namespaces for the microVMs of the local AgentCore can not be had here.',
      {
        remedy: 'Run it as root, allow unprivileged user namespaces, or use the isolation `directory`.',
        cause,
      },
    );
  }
}
