import type { AgentName } from '../../src/config/agents.ts';

/** A coding agent from npm, and how it is told that the model is ours. Its preset says the rest. */
export interface RealAgent {
  readonly name: AgentName;
  readonly package: string;
  readonly version: string;
  readonly env: (modelUrl: string) => Readonly<Record<string, string>>;
  /** How it is logged in over ACP, once, where its environment is not enough. */
  readonly authMethod?: string;
  /** A fault that the test goes around: why a session is only loaded in a later minute than it was begun in. */
  readonly loadsOnlyLater?: string;
}

/** The one place where their versions are pinned. */
export const agents: readonly RealAgent[] = [
  {
    name: 'opencode',
    package: 'opencode-ai',
    version: '1.18.33',
    env: (modelUrl) => ({
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
      OPENCODE_CONFIG_CONTENT: JSON.stringify({
        model: 'fake/fake-model',
        share: 'disabled',
        permission: { bash: 'ask' },
        provider: {
          fake: {
            npm: '@ai-sdk/openai-compatible',
            options: { baseURL: `${modelUrl}/v1`, apiKey: 'none' },
            models: {
              'fake-model': { name: 'fake', tool_call: true, limit: { context: 100_000, output: 4000 } },
            },
          },
        },
      }),
    }),
  },
  {
    name: 'gemini',
    package: '@google/gemini-cli',
    version: '0.61.0',
    env: (modelUrl) => ({
      GEMINI_API_KEY: 'none',
      GOOGLE_GEMINI_BASE_URL: modelUrl,
      GEMINI_MODEL: 'gemini-2.5-flash',
    }),
    authMethod: 'gemini-api-key',
    loadsOnlyLater:
      'gemini erases a session that is loaded in the minute in which it was begun (google-gemini/gemini-cli#28775). The test waits for the next minute.',
  },
  {
    name: 'qwen',
    package: '@qwen-code/qwen-code',
    version: '0.24.4',
    env: (modelUrl) => ({
      OPENAI_API_KEY: 'none',
      OPENAI_BASE_URL: `${modelUrl}/v1`,
      OPENAI_MODEL: 'fake-model',
    }),
  },
  {
    name: 'claude',
    package: '@agentclientprotocol/claude-agent-acp',
    version: '0.100.0',
    env: (modelUrl) => ({
      ANTHROPIC_API_KEY: 'none',
      ANTHROPIC_BASE_URL: modelUrl,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      IS_SANDBOX: '1',
    }),
  },
  {
    name: 'codex',
    package: '@agentclientprotocol/codex-acp',
    version: '2.6.0',
    env: (modelUrl) => ({
      NO_BROWSER: '1',
      INITIAL_AGENT_MODE: 'workspace-write',
      CODEX_API_KEY: 'none',
      CODEX_CONFIG: JSON.stringify({
        model: 'gpt-5',
        model_provider: 'fake',
        model_providers: { fake: { name: 'fake', base_url: `${modelUrl}/v1`, wire_api: 'responses' } },
      }),
    }),
  },
  {
    name: 'copilot',
    package: '@github/copilot',
    version: '1.0.102',
    env: (modelUrl) => ({
      COPILOT_OFFLINE: 'true',
      COPILOT_MODEL: 'fake-model',
      COPILOT_PROVIDER_BASE_URL: `${modelUrl}/v1`,
      COPILOT_PROVIDER_API_KEY: 'none',
    }),
  },
];
