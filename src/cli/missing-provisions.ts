import type { Provisions } from '../agent/agent-link.ts';
import type { Log } from '../base/log.ts';

/** Warns of what microVMs lack: once for each kind, and of missing storage only if there is something to save. */
export function warnOfMissing(log: Log, isKeepingWanted: boolean): (provisions: Provisions) => void {
  const told = new Set<string>();
  const warnOnce = (what: string): void => {
    if (!told.has(what)) log.warn(what);
    told.add(what);
  };
  return ({ keeping, environment }) => {
    if (environment === 'none') warnOnce(noEnvironment);
    if (isKeepingWanted && keeping !== 'kept') {
      warnOnce(`what the agent remembers ends with its microVM: ${whyNotKept[keeping]}`);
    }
  };
}

const noEnvironment =
  "the agent lacks the environment of its image, which the shell's user may not read: write what it needs to /etc/agentcore-bridge/environ in the image";

const whyNotKept = {
  'no-mount': 'the runtime has no session storage at /mnt/workspace, nor where the agent works',
  'no-tar': 'its image has no tar, nor busybox',
  late: 'no storage was mounted over the empty directory under /mnt in time (--workspace-timeout)',
} as const;
