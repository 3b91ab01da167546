import type { LocalAgentCoreOptions } from '../../../src/local/options.ts';
import { appletsOf, imageWith, programOf } from '../../e2e/image.ts';

const busybox = await programOf('busybox');

/** Images whose tools differ; `options` gives undefined where this machine can't make one: {@link whyNoImage} says why. */
export const images: readonly {
  readonly holds: string;
  readonly options: () => Promise<LocalAgentCoreOptions | undefined>;
}[] = [
  { holds: 'GNU tools', options: async () => ({}) },
  {
    holds: 'bash and the applets of busybox',
    options: async () =>
      busybox === undefined ? undefined : imageWith({ ...appletsOf(busybox), bash: '/bin/bash' }),
  },
  {
    holds: 'bash and busybox without its applets',
    options: async () => (busybox === undefined ? undefined : imageWith({ busybox, bash: '/bin/bash' })),
  },
];

export const whyNoImage = 'needs busybox on the PATH (Debian package busybox)';
