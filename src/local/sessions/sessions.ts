import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { ServiceError } from '../behaviour/service-error.ts';
import type { MicroVms } from '../microvm/microvm.ts';
import type { SessionInfo } from './session.ts';
import { RateWindow } from './rate.ts';
import { Session } from './session.ts';
import type { Claim, SessionOptions } from './session.ts';

export interface SessionsOptions extends Omit<SessionOptions, 'runtimeArn' | 'sessionId'> {
  readonly microVms: MicroVms;
  /** Directory of the workspaces, which outlive microVMs. */
  readonly workspaces: string;
  readonly log: Log;
}

type Entry =
  | { readonly kind: 'provisioning'; readonly started: Promise<Session> }
  | { readonly kind: 'started'; readonly session: Session };

/** All sessions of the account, by runtime and session id. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #newSessions: RateWindow;
  readonly #closing = new AbortController();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#newSessions = new RateWindow(options.limits.newSessionsPerSecond);
  }

  /**
   * Reserves a shell for one client, and starts a microVM if the session has none. Rejects with a {@link ServiceError}
   * if that is refused.
   */
  async claim(runtimeArn: string, sessionId: string, shellId: string): Promise<Claim> {
    const key = keyOf(runtimeArn, sessionId);
    const entry = this.#entries.get(key);
    if (entry !== undefined) return settled(entry).claim(shellId);
    if (!this.#newSessions.take(performance.now())) {
      throw new ServiceError(429, 'Rate exceeded: too many new sessions in a second.');
    }
    const started = this.#start(key, runtimeArn, sessionId);
    this.#entries.set(key, { kind: 'provisioning', started });
    return (await started).claim(shellId);
  }

  /**
   * StopRuntimeSession. Resolves when the session's processes are gone; rejects with a {@link ServiceError} if there is
   * no such session.
   */
  async stop(runtimeArn: string, sessionId: string): Promise<void> {
    const entry = this.#entries.get(keyOf(runtimeArn, sessionId));
    if (entry === undefined) throw new ServiceError(404, `Session '${sessionId}' does not exist.`);
    await settled(entry).end();
  }

  /** Reclaims the microVM of one session, or all of them. Resolves when their processes are gone. */
  async evict(sessionId?: string): Promise<void> {
    const hit = this.#started().filter(
      (session) => sessionId === undefined || session.info().sessionId === sessionId,
    );
    await Promise.all(hit.map((session) => session.end()));
  }

  /** Kills the shells with this id, in any session. Returns whether there was one. */
  killShell(shellId: string): boolean {
    return this.#started().filter((session) => session.killShell(shellId)).length > 0;
  }

  list(): readonly SessionInfo[] {
    return this.#started().map((session) => session.info());
  }

  /** Ends every microVM, including those that are about to start. */
  async close(): Promise<void> {
    this.#closing.abort();
    const provisioning = [...this.#entries.values()].filter((entry) => entry.kind === 'provisioning');
    await Promise.allSettled(provisioning.map((entry) => entry.started));
    await this.evict();
  }

  #started(): Session[] {
    return [...this.#entries.values()].flatMap((entry) => (entry.kind === 'started' ? [entry.session] : []));
  }

  async #start(key: string, runtimeArn: string, sessionId: string): Promise<Session> {
    const { microVms, workspaces, limits, log } = this.#options;
    log.info('microVM starting', { sessionId });
    try {
      await delay(limits.provisionMs, undefined, { signal: this.#closing.signal });
      const workspace = join(workspaces, key);
      await mkdir(workspace, { recursive: true, mode: 0o700 });
      const session = new Session(await microVms.start(workspace), {
        ...this.#options,
        runtimeArn,
        sessionId,
      });
      this.#entries.set(key, { kind: 'started', session });
      log.info('microVM started', { sessionId });
      void session.ended.then(() => {
        this.#entries.delete(key);
        log.info('microVM ended', { sessionId });
      });
      return session;
    } catch (cause) {
      this.#entries.delete(key);
      log.error('microVM could not be started', { sessionId, cause: String(cause) });
      throw new ServiceError(500, 'The microVM could not be started.');
    }
  }
}

function settled(entry: Entry): Session {
  if (entry.kind === 'provisioning') {
    throw inProgress();
  }
  if (!entry.session.running) {
    throw inProgress();
  }
  return entry.session;
}

/** AWS's text for a session that is being started or ended. */
function inProgress(): ServiceError {
  return new ServiceError(409, 'Session operation in progress, please retry', 'RetryableConflictException');
}

/**
 * The name of a session's workspace. It is a hash, since ids may differ in case only, which some file systems ignore.
 */
function keyOf(runtimeArn: string, sessionId: string): string {
  return createHash('sha256').update(`${runtimeArn}\n${sessionId}`).digest('hex').slice(0, 32);
}
