import { localPath, type RemoteViewOptions } from '../client/remote-view.ts';
import type { Thread } from '../thread/thread.ts';

/** A session, as `session/list` shows it. */
export interface ListedSession {
  /** The client's id. */
  readonly sessionId: string;
  /** The client's directory if it is known; else the one in the microVM. */
  readonly cwd: string;
}

/**
 * Stores which sessions there are, for later processes on this machine. A session that is lost from it is not listed,
 * but can still be loaded.
 */
export interface SessionMemory {
  /** Whether there is a place to store it. */
  isKept(): boolean;
  /** Replaces the sessions of the thread with this key. */
  remember(key: string, sessions: readonly ListedSession[]): void;
  /** The sessions by thread, latest first. */
  recall(): ReadonlyMap<string, readonly ListedSession[]>;
}

/** The sessions of a thread that have an id of the agent, latest first, as they are stored. */
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

/** Most sessions stored of one thread. Editors show the latest. */
const maxOfThread = 50;
