/**
 * Keeps from the client what an agent tells of a session's past when the bridge had it loaded: the client has seen it. Some
 * agents go on with it after their answer, so the past is over when nothing of it has come for a while.
 */
export class ReplayGate {
  readonly #replays = new Map<string, Replay>();

  /** From now on what the agent tells of this session's past is kept back. */
  begin(agentId: string): void {
    this.#replays.set(agentId, { isAnswered: false, over: undefined, quiet: undefined, longest: undefined });
  }

  /** The agent has answered: `over` is called once it is quiet. */
  answered(agentId: string, over: () => void): void {
    const replay = this.#replays.get(agentId);
    if (replay === undefined) return;
    const end = (): void => {
      this.end(agentId);
      over();
    };
    replay.isAnswered = true;
    replay.over = end;
    replay.quiet = setTimeout(end, quietMs);
    replay.longest = setTimeout(end, longestMs);
  }

  get isActive(): boolean {
    return this.#replays.size > 0;
  }

  /** Whether an update of this kind is kept back: what has happened is, what holds now is not. */
  holds(agentId: string, kind: string | undefined): boolean {
    const replay = this.#replays.get(agentId);
    if (replay === undefined || (kind !== undefined && presentKinds.has(kind))) return false;
    if (replay.isAnswered) {
      clearTimeout(replay.quiet);
      replay.quiet = setTimeout(() => replay.over?.(), quietMs);
    }
    return true;
  }

  /** Nothing is kept back any more. */
  end(agentId: string): void {
    const replay = this.#replays.get(agentId);
    clearTimeout(replay?.quiet);
    clearTimeout(replay?.longest);
    this.#replays.delete(agentId);
  }

  /** The agent is gone, and no more of any past will come: so it is over where the agent had answered. */
  clear(): void {
    for (const [agentId, { over }] of [...this.#replays]) {
      if (over === undefined) this.end(agentId);
      else over();
    }
  }
}

interface Replay {
  isAnswered: boolean;
  over: (() => void) | undefined;
  quiet: NodeJS.Timeout | undefined;
  longest: NodeJS.Timeout | undefined;
}

/** Seen with Gemini CLI, which streams the rest of a history after its answer. */
const quietMs = 80;
const longestMs = 5000;

/** Kinds of `session/update` that say how things stand, rather than what was said. */
const presentKinds: ReadonlySet<string> = new Set([
  'available_commands_update',
  'current_mode_update',
  'config_option_update',
  'session_info_update',
  'state_update',
]);
