import { BridgeError } from '../../base/errors.ts';
import { directoryMicroVms } from './directory.ts';
import { namespaceMicroVms } from './namespaces.ts';
import type { Isolation, MicroVms, MicroVmSettings } from './microvm.ts';

/**
 * Chooses how microVMs are made here. `auto` tries namespaces first. Rejects with a {@link BridgeError} `usage` if what
 * was asked for is not available.
 */
export async function chooseMicroVms(
  wanted: 'auto' | Isolation,
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
