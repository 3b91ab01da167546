import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startFirstProcess } from './first-process.ts';
import type { MicroVm, MicroVms, MicroVmSettings } from './microvm.ts';
import { childrenOf } from './processes.ts';

/**
 * microVMs made of a mount and a PID namespace each, and a user namespace if this user isn't root. Rejects if
 * namespaces are not available, which is tried by starting one.
 */
export async function namespaceMicroVms(settings: MicroVmSettings): Promise<MicroVms> {
  const asRoot = new NamespaceMicroVms(settings, []);
  const asUser = new NamespaceMicroVms(settings, ['--user', '--map-root-user']);
  await mkdir(settings.stateDir, { recursive: true, mode: 0o700 });
  const failures: unknown[] = [];
  for (const candidate of [asRoot, asUser]) {
    try {
      const probe = await candidate.start(settings.stateDir);
      await probe.end();
      return candidate;
    } catch (failure) {
      failures.push(failure);
    }
  }
  throw new AggregateError(failures, 'no mount and PID namespace, neither as it is nor in a user namespace');
}

class NamespaceMicroVms implements MicroVms {
  readonly isolation = 'namespaces';
  readonly #settings: MicroVmSettings;
  readonly #userNamespace: readonly string[];

  constructor(settings: MicroVmSettings, userNamespace: readonly string[]) {
    this.#settings = settings;
    this.#userNamespace = userNamespace;
  }

  async start(workspace: string): Promise<MicroVm> {
    const { stateDir, containerEnv, imagePaths } = this.#settings;
    const root = join(stateDir, 'root');
    await mkdir(root, { recursive: true });
    const first = await startFirstProcess(
      '/usr/bin/unshare',
      [
        ...this.#userNamespace,
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--',
        '/bin/bash',
        '-p',
        initScript,
        root,
        home,
        workspace,
        ...imagePaths,
      ],
      { HOME: home, ...containerEnv },
    );
    // `unshare` itself stays outside; the first process of the namespace is its child.
    const [init = 0] = childrenOf(first.pid);
    const joinUser = this.#userNamespace.length > 0 ? ['--user', '--preserve-credentials'] : [];
    return {
      enter: (shellCommand) => ({
        file: '/usr/bin/nsenter',
        args: ['--target', String(init), ...joinUser, '--mount', '--pid', '--', ...shellCommand],
        env: { HOME: home },
        cwd: '/',
      }),
      // `nsenter` has to fork, as only children are in the new PID namespace.
      shellPid: (ptyPid) => childrenOf(ptyPid)[0] ?? ptyPid,
      ended: first.ended,
      end: () => first.end(),
    };
  }
}

/** The HOME that AWS shows for a shell. */
const home = '/home/agentcore-runtime-user';

const initScript = join(import.meta.dirname, 'entry', 'namespace-init.sh');
