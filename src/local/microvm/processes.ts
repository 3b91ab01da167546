import { readdirSync, readFileSync } from 'node:fs';

/** Process ids of a process's children, from `/proc`. */
export function childrenOf(pid: number): number[] {
  return processes((stat) => stat.parent === pid);
}

/** Process ids of a session of processes: those that were started on one PTY and did not leave it. */
export function membersOfSession(leader: number): number[] {
  return processes((stat) => stat.session === leader);
}

/** Sends a signal to a process that may be gone already. Returns whether it was there. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

interface Stat {
  readonly parent: number;
  readonly session: number;
}

function processes(wanted: (stat: Stat) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const stat = readStat(pid);
      return stat !== undefined && wanted(stat);
    })
    .map(Number);
}

function readStat(pid: string): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // The process ended after it was listed.
    return undefined;
  }
  // The command's name is in parentheses and may hold any character. Behind it come state, parent, group, session.
  const [, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(parent), session: Number(session) };
}
