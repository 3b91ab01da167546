import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { repository } from '../e2e/bridge-process.ts';

/** `hurried`: the same bridge, with the times of `hurried-bridge.ts`. */
export type Pace = 'shipped' | 'hurried';

/** What each pace runs. */
export interface Programs extends Readonly<Record<Pace, string>> {
  /** Removes what was built. */
  remove(): void;
}

export const shippedBridge = join(repository, 'bin', 'agentcore-bridge.js');

/** Bundles the hurried bridge as the shipped one was bundled, in a directory that is laid out like this package. */
export function buildPrograms(): Programs {
  const root = mkdtempSync(join(tmpdir(), 'acb-hurried-'));
  const bridge = join(root, 'dist', 'bridge');
  const entry = join(import.meta.dirname, 'hurried-bridge.ts');
  cpSync(join(repository, 'package.json'), join(root, 'package.json'));
  execFileSync(process.execPath, [join(repository, 'scripts', 'build.ts'), entry, bridge]);
  return {
    shipped: shippedBridge,
    hurried: join(bridge, 'main.cjs'),
    remove: () => rmSync(root, { recursive: true }),
  };
}
