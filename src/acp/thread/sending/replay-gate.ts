/**
 * Keeps from the client what an agent replays of a session when the bridge had it loaded: the client has seen it. Some
 * agents continue the replay after their answer, so it counts as over when no update has come for a while.
 */
export class ReplayGate {
  readonly #replays = new Map<string, Replay>();

  /** Holds back what the agent replays of this session from now on. */
  begin(agentId: string): void {
    this.#replays.set(agentId, { isAnswered: false, over: undefined, quiet: undefined, longest: undefined });
  }

  /** The agent has answered. `over` is called when no update has come for a while. */
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

  /**
   * Whether an update of this kind is held back: one that tells history is, one that tells the current state is not.
   */
  holds(agentId: string, kind: string | undefined): boolean {
    const replay = this.#replays.get(agentId);
    if (replay === undefined || (kind !== undefined && presentKinds.has(kind))) return false;
    if (replay.isAnswered) {
      clearTimeout(replay.quiet);
      replay.quiet = setTimeout(() => replay.over?.(), quietMs);
    }
    return true;
  }

  /** Ends the replay: later updates are passed on. */
  end(agentId: string): void {
    const replay = this.#replays.get(agentId);
    clearTimeout(replay?.quiet);
    clearTimeout(replay?.longest);
    this.#replays.delete(agentId);
  }

  /** The agent is gone and replays nothing more. Replays whose request it had answered are over. */
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

/** Measured with Gemini CLI, which streams the rest of a history after its answer. */
const quietMs = 80;
const longestMs = 5000;

/** Kinds of `session/update` that tell the current state, and not history. */
const presentKinds: ReadonlySet<string> = new Set([
  'available_commands_update',
  'current_mode_update',
  'config_option_update',
  'session_info_update',
  'state_update',
]);
