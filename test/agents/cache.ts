import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { agents, type RealAgent } from './agents.ts';

/** Where the agents are installed: hundreds of megabytes, which stay for the next run. */
export const cache = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  'agentcore-bridge-agents',
);

/** The directory of an agent's commands. */
export function binOf(agent: RealAgent): string {
  return join(directoryOf(agent), 'node_modules', '.bin');
}

/** Installs the agents that are not there yet, before the tests. */
export function setup(): void {
  for (const agent of agents) {
    const directory = directoryOf(agent);
    if (existsSync(directory)) continue;
    const unfinished = `${directory}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    const spec = `${agent.package}@${agent.version}`;
    console.log(`installing ${spec} in ${cache}`);
    execFileSync(
      'npm',
      ['install', '--prefix', unfinished, '--no-audit', '--no-fund', '--loglevel', 'error', spec],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    renameSync(unfinished, directory);
  }
}

function directoryOf({ name, version }: RealAgent): string {
  return join(cache, `${name}-${version}`);
}
