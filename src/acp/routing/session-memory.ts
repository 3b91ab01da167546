import { localPath, type RemoteViewOptions } from '../client/remote-view.ts';
import type { Thread } from '../thread/thread.ts';

/** A session, as `session/list` tells of it. */
export interface ListedSession {
  /** The client's name for it. */
  readonly sessionId: string;
  /** The client's directory, as far as that is known; else the one in the microVM. */
  readonly cwd: string;
}

/** Keeps which sessions there are, for later processes on this machine. What is lost of it is not listed, and nothing else. */
export interface SessionMemory {
  /** Whether there is a place for it. */
  isKept(): boolean;
  /** Replaces what is known of the thread of that key. */
  remember(key: string, sessions: readonly ListedSession[]): void;
  /** By thread, the latest first. */
  recall(): ReadonlyMap<string, readonly ListedSession[]>;
}

/** The sessions of a thread that its agent has a name for, the latest first, as they are to be remembered. */
export function sessionsOf({ sessions }: Thread, remote: Pick<RemoteViewOptions, 'map'>): ListedSession[] {
  const known = sessions.all().flatMap((session) => {
    const record = sessions.recordOf(session);
    return record === undefined ? [] : [{ session, record }];
  });
  return known
    .toSorted((a, b) => (b.record.used ?? 0) - (a.record.used ?? 0))
    .slice(0, maxOfThread)
    .map(({ session, record }) => ({
      sessionId: session.clientId,
      cwd: record.localCwd ?? localPath(record.cwd, remote) ?? record.cwd,
    }));
}

/** Of one thread. Editors show the latest. */
const maxOfThread = 50;
