/** How an agent is started in a microVM, and what has to be saved of it to go on in another one. */
export interface AgentPreset {
  /** The line of bash that starts the agent, speaking ACP. */
  readonly command: string;
  /** A line of bash that runs before the command, in the same shell. */
  readonly prepare?: string;
  /** Environment of the agent. What the user sets overrides it. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Where it keeps its sessions and its login, relative to HOME. Directories rather than files, so that a database is
   * saved with its journal.
   */
  readonly persist: readonly string[];
  /**
   * What the agent offers, for a client that needs an answer before the agent was heard. Undefined if that is not
   * known.
   */
  readonly offers?: Offers;
  /** The agent's name for users. */
  readonly says: string;
}

/** What the agent accepts in prompts, and the kinds of MCP servers besides commands: words of ACP's capabilities. */
export interface Offers {
  readonly prompt: readonly ('image' | 'audio' | 'embeddedContext')[];
  readonly mcp: readonly ('http' | 'sse')[];
}

/**
 * The agents that `--agent` knows. Run: the npm package's newest version on Node.js 24 in November 2026, from
 * `initialize` to `session/new`, with its HOME looked at. Read: its maker's documentation and issues.
 *
 * - claude: run, 0.100.0 of `@agentclientprotocol/claude-agent-acp`. It lets root skip permissions only in a sandbox.
 * - codex: run, 2.6.0 of `@agentclientprotocol/codex-acp`.
 * - opencode: run, 1.18.33 of `opencode-ai`. Its `.config/opencode` holds packages that it installs again.
 * - gemini: run, 0.61.0 of `@google/gemini-cli`. `--experimental-acp` is the older name of `--acp`.
 * - qwen: run, 0.24.4 of `@qwen-code/qwen-code`; likewise.
 * - copilot: run, 1.0.102 of `@github/copilot`, and its `copilot help environment` read.
 * - kiro: read, https://kiro.dev/docs/cli/acp; its login is in the SQLite database of `.local/share/kiro-cli`, as are
 *   the sessions of the classic engine; later engines write `.kiro/sessions`. Locks: https://github.com/kirodotdev/Kiro/issues/10666.
 * - cursor: read, https://cursor.com/docs/cli/acp.md, which calls it `agent`, too common a name for a microVM;
 *   `cursor-agent` is installed beside it. Its ACP sessions are in `.cursor/acp-sessions`.
 */
export const agents = {
  kiro: {
    command: 'kiro-cli acp --trust-all-tools',
    // Kiro refuses a session whose last process ended without removing its lock, which is the case for all processes of
    // a lost microVM.
    prepare: 'rm -f ~/.kiro/sessions/cli/*.lock',
    persist: ['.kiro/sessions', '.kiro/session-index', '.local/share/kiro-cli'],
    says: 'Kiro CLI',
  },
  claude: {
    command: 'claude-agent-acp',
    prepare: '((EUID)) || export IS_SANDBOX=1',
    persist: ['.claude', '.claude.json'],
    offers: { prompt: ['image', 'embeddedContext'], mcp: ['http', 'sse'] },
    says: 'Claude Code',
  },
  codex: {
    command: 'codex-acp',
    persist: ['.codex'],
    offers: { prompt: ['image', 'embeddedContext'], mcp: ['http'] },
    says: 'Codex',
  },
  opencode: {
    command: 'opencode acp',
    persist: ['.local/share/opencode'],
    says: 'OpenCode',
  },
  gemini: {
    command: 'gemini --acp',
    // Each load leaves a second, nearly empty file of the session, and the next start deletes the session with it
    // (google-gemini/gemini-cli#27368). Under a name without a time only one file is kept, the larger one.
    prepare: [
      'for f in ~/.gemini/tmp/*/chats/session-[!0]*.jsonl; do',
      '[ -e "$f" ] || continue',
      'g=${f%/*}/session-0-${f##*-}',
      'if [ -e "$g" ] && [ "$(wc -c <"$f")" -le "$(wc -c <"$g")" ]; then rm "$f"; else mv "$f" "$g"; fi',
      'done',
    ].join('\n'),
    persist: ['.gemini'],
    offers: { prompt: ['image', 'audio', 'embeddedContext'], mcp: ['http', 'sse'] },
    says: 'Gemini CLI',
  },
  qwen: {
    command: 'qwen --acp',
    persist: ['.qwen'],
    offers: { prompt: ['image', 'audio', 'embeddedContext'], mcp: [] },
    says: 'Qwen Code',
  },
  copilot: {
    command: 'copilot --acp --stdio',
    // Copilot's locks hold process ids, and an id of the last microVM may belong to another process in this one.
    prepare: 'rm -f ~/.copilot/session-state/*/inuse.*.lock',
    // The image decides the version; an update would last for this microVM only.
    env: { COPILOT_AUTO_UPDATE: 'false' },
    persist: ['.copilot'],
    says: 'GitHub Copilot CLI',
  },
  cursor: {
    command: 'cursor-agent acp',
    persist: ['.cursor', '.config/cursor'],
    says: 'Cursor CLI',
  },
} as const satisfies Record<string, AgentPreset>;

export type AgentName = keyof typeof agents;

export const agentNames = Object.keys(agents) as [AgentName, ...AgentName[]];

/** What the user chose, from the settings. */
export interface AgentChoice {
  readonly agent?: AgentName | undefined;
  readonly command?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly persist: readonly string[];
}

/** The agent that the bridge starts. */
export interface Agent {
  /** A line of bash. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** Paths relative to HOME. */
  readonly persist: readonly string[];
  /** ACP's `agentCapabilities`, if they are known. */
  readonly capabilities?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The agent that was chosen: a preset, with the given command if there is one; the given command alone; or Kiro if
 * neither was given.
 */
export function agentOf({ agent, command, env, persist }: AgentChoice): Agent {
  if (agent === undefined && command !== undefined) return { command, env, persist: [...new Set(persist)] };
  const preset: AgentPreset = agents[agent ?? 'kiro'];
  return {
    command: [preset.prepare, command ?? preset.command].filter((line) => line !== undefined).join('\n'),
    env: { ...preset.env, ...env },
    persist: [...new Set([...preset.persist, ...persist])],
    capabilities: preset.offers && capabilitiesOf(preset.offers),
  };
}

/** The agents of all presets can load sessions. */
function capabilitiesOf({ prompt, mcp }: Offers): Readonly<Record<string, unknown>> {
  const among = (all: readonly string[], some: readonly string[]): Record<string, boolean> =>
    Object.fromEntries(all.map((name) => [name, some.includes(name)]));
  return {
    loadSession: true,
    promptCapabilities: among(['image', 'audio', 'embeddedContext'], prompt),
    mcpCapabilities: among(['http', 'sse'], mcp),
  };
}
