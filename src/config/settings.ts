import * as z from 'zod/mini';
import { logFormats, logLevels } from '../base/log.ts';
import { agentNames } from './agents.ts';
import {
  absolutePath,
  assignment,
  awsTruth,
  duration,
  hostName,
  jsonObject,
  listOf,
  oneOf,
  pathMapping,
  pathUnderHome,
  port,
  shellText,
  size,
  someText,
  text,
  truth,
} from './values.ts';

/** What names a conversation. `auto` decides by the client's name and its prompts. */
const threadSources = ['auto', 'sender-context', 'session'] as const;
const cancelStrategies = ['stop', 'forward', 'noop'] as const;
const waysToLeave = ['detach', 'stop'] as const;
const mcpStdioWays = ['drop', 'keep'] as const;

/**
 * Everything that can be configured: for each setting its flag, the variables that may replace it (the first one that
 * is set counts), its help text, and its values. Flags, variables, help and errors are all made from this table.
 */
export const bridgeSettings = {
  runtimeArn: {
    flag: '--runtime-arn <arn>',
    env: ['AGENTCORE_RUNTIME_ARN'],
    says: 'the AgentCore runtime that runs the agent (required)',
    schema: text,
    isRequired: true,
  },
  region: {
    flag: '--region <region>',
    // Where AWS runs a process, AWS_REGION is the Region of that process, not of the runtime.
    env: [],
    says: "AWS Region (default: the ARN's; another one is an error)",
    schema: text,
  },
  qualifier: {
    flag: '--qualifier <name>',
    env: ['AGENTCORE_QUALIFIER'],
    says: 'endpoint of the runtime (default: DEFAULT)',
    schema: () => text().check(z.regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be 1 to 128 letters, digits, - or _')),
    default: 'DEFAULT',
  },
  agent: {
    flag: '--agent <name>',
    env: ['AGENTCORE_AGENT'],
    says: `${agentNames.join(' | ')}: how it is started and what of it is kept (default: kiro)`,
    schema: () => oneOf(agentNames),
  },
  command: {
    flag: '--command <command>',
    alias: '--shell-command <command>',
    env: ['AGENTCORE_AGENT_COMMAND'],
    says: "what starts the agent in the microVM, in the place of --agent's command",
    schema: shellText,
  },
  thread: {
    flag: '--thread <key>',
    env: ['AGENTCORE_THREAD'],
    says: 'names the conversation: the same key finds the same agent; all sessions of this process are in it',
    schema: someText,
  },
  threadFrom: {
    flag: '--thread-from <source>',
    env: ['AGENTCORE_THREAD_FROM'],
    says: `${threadSources.join(' | ')}: what names a conversation where --thread does not (default: auto)`,
    schema: () => oneOf(threadSources),
    default: 'auto',
  },
  cwd: {
    flag: '--cwd <path>',
    env: ['AGENTCORE_CWD'],
    says: 'working directory in the microVM (default: /mnt/workspace, or else HOME)',
    schema: () => shellText().check(z.regex(/^[^\n\r]*$/, 'must be one line')),
  },
  map: {
    flag: '--map <LOCAL=REMOTE>',
    isList: true,
    env: [],
    says: "a directory of the client's that is another one in the microVM (repeatable)",
    schema: () => listOf(pathMapping()),
    default: [],
  },
  env: {
    flag: '--env <KEY=VALUE>',
    isList: true,
    env: [],
    says: 'environment of the agent in the microVM (repeatable)',
    schema: () =>
      z.pipe(
        listOf(assignment()),
        z.transform((pairs: [name: string, value: string][]) => Object.fromEntries(pairs)),
      ),
    default: {},
  },
  persist: {
    flag: '--persist <path>',
    isList: true,
    env: [],
    says: 'what is kept of HOME when the microVM is reclaimed, beside what --agent names (repeatable)',
    schema: () => listOf(pathUnderHome()),
    default: [],
  },
  persistTo: {
    flag: '--persist-to <path>',
    env: ['AGENTCORE_PERSIST_TO'],
    says: "directory in the microVM where that is kept (default: the mount /mnt/workspace, or that of --cwd's path)",
    schema: absolutePath,
  },
  workspaceTimeoutMs: {
    flag: '--workspace-timeout <time>',
    env: ['AGENTCORE_WORKSPACE_TIMEOUT'],
    says: 'how long session storage may take to be mounted in a new microVM; 0: it is not waited for (default: 60s)',
    schema: duration,
    default: 60_000,
  },
  initializeTimeoutMs: {
    flag: '--initialize-timeout <time>',
    env: ['AGENTCORE_INITIALIZE_TIMEOUT'],
    says: 'how long the agent may take to say what it can (default: 20s for openab, any time for others)',
    schema: duration,
  },
  agentCapabilities: {
    flag: '--agent-capabilities <json>',
    env: ['AGENTCORE_AGENT_CAPABILITIES'],
    says: 'what the client is told of an agent that takes longer, and was never heard before (default: what is known of --agent)',
    schema: jsonObject,
  },
  cancelStrategy: {
    flag: '--cancel-strategy <strategy>',
    env: ['AGENTCORE_CANCEL_STRATEGY'],
    says: `${cancelStrategies.join(' | ')}: what session/cancel does (default: stop)`,
    schema: () => oneOf(cancelStrategies),
    default: 'stop',
  },
  cancelGraceMs: {
    flag: '--cancel-grace <time>',
    env: ['AGENTCORE_CANCEL_GRACE'],
    says: 'after which "stop" ends an agent that goes on with a cancelled turn (default: 10s)',
    schema: duration,
    default: 10_000,
  },
  onExit: {
    flag: '--on-exit <what>',
    env: ['AGENTCORE_ON_EXIT'],
    says: `${waysToLeave.join(' | ')}: leave the microVMs to AgentCore's idle timeout, or stop them (default: detach)`,
    schema: () => oneOf(waysToLeave),
    default: 'detach',
  },
  idleDetachMs: {
    flag: '--idle-detach <time>',
    env: ['AGENTCORE_IDLE_DETACH'],
    says: 'after which the shell of a thread at rest is let go; 0: never (default: 5m)',
    schema: duration,
    default: 300_000,
  },
  progress: {
    flag: '--no-progress',
    env: ['AGENTCORE_NO_PROGRESS'],
    says: 'say nothing in the conversation while a microVM starts',
    schema: () =>
      z.pipe(
        truth(),
        z.transform((isOff: boolean) => !isOff),
      ),
    default: true,
  },
  clientFs: {
    flag: '--client-fs',
    env: ['AGENTCORE_CLIENT_FS'],
    says: "offer the client's files to the agent",
    schema: truth,
    default: false,
  },
  clientTerminal: {
    flag: '--client-terminal',
    env: ['AGENTCORE_CLIENT_TERMINAL'],
    says: "offer the client's terminals to the agent",
    schema: truth,
    default: false,
  },
  mcpStdio: {
    flag: '--mcp-stdio <what>',
    env: ['AGENTCORE_MCP_STDIO'],
    says: `${mcpStdioWays.join(' | ')}: MCP servers that are local commands (default: drop)`,
    schema: () => oneOf(mcpStdioWays),
    default: 'drop',
  },
  endpointUrl: {
    flag: '--endpoint-url <url>',
    env: ['AWS_ENDPOINT_URL_BEDROCK_AGENTCORE', 'AWS_ENDPOINT_URL'],
    says: "another endpoint than AWS's; http:// means no TLS",
    schema: text,
  },
  useFipsEndpoint: {
    flag: '--use-fips-endpoint',
    env: ['AWS_USE_FIPS_ENDPOINT'],
    says: "AWS's FIPS endpoint",
    schema: awsTruth,
    default: false,
  },
  useDualstackEndpoint: {
    flag: '--use-dualstack-endpoint',
    env: ['AWS_USE_DUALSTACK_ENDPOINT'],
    says: "AWS's endpoint with IPv6 addresses",
    schema: awsTruth,
    default: false,
  },
  profile: {
    flag: '--profile <name>',
    env: ['AWS_PROFILE'],
    says: 'profile of the AWS configuration files',
    schema: someText,
  },
  maxMessage: {
    flag: '--max-message <size>',
    env: ['AGENTCORE_MAX_MESSAGE'],
    says: 'longest message either way, such as 64MB (the default)',
    schema: size,
    default: 64 * 1024 * 1024,
  },
  logLevel: {
    flag: '--log-level <level>',
    env: [],
    says: `${logLevels.join(' | ')} (default: warn), on stderr`,
    schema: () => oneOf(logLevels),
    default: 'warn',
  },
  logFormat: {
    flag: '--log-format <format>',
    env: [],
    says: `${logFormats.join(' | ')} (default: text)`,
    schema: () => oneOf(logFormats),
    default: 'text',
  },
} as const satisfies Settings;

export const localSettings = {
  port: {
    flag: '--port <number>',
    env: [],
    says: 'TCP port on 127.0.0.1 (default: any free one)',
    schema: port,
  },
  tls: {
    flag: '--tls',
    env: [],
    says: 'speaks TLS, with a certificate authority of its own whose file it names',
    schema: truth,
    default: false,
  },
  hostNames: {
    flag: '--host-name <name>',
    isList: true,
    env: [],
    says: 'a name that requests may address it by, beside localhost and 127.0.0.1 (repeatable)',
    schema: () => listOf(hostName()),
    default: [],
  },
  bearerTokens: {
    flag: '--bearer-token <token>',
    isList: true,
    env: [],
    says: 'an OAuth token that it takes, beside signatures (repeatable)',
    schema: () => listOf(someText()),
    default: [],
  },
  stateDir: {
    flag: '--state-dir <path>',
    env: [],
    says: 'where workspaces are kept (default: a temporary directory, removed at the end)',
    schema: someText,
  },
  logLevel: bridgeSettings.logLevel,
  logFormat: bridgeSettings.logFormat,
} as const satisfies Settings;

export const idsSettings = {
  thread: {
    ...bridgeSettings.thread,
    says: 'names the conversation (required)',
    isRequired: true,
  },
} as const satisfies Settings;

export interface Setting {
  /**
   * In commander's notation. A flag without a value is on or off: its schema is `truth` or `awsTruth`, also if it
   * begins with `--no-`.
   */
  readonly flag: string;
  /** Another name of the flag. */
  readonly alias?: string;
  /** Whether the flag can be given several times. */
  readonly isList?: boolean;
  readonly env: readonly string[];
  readonly says: string;
  /**
   * Validates a given value: text, a list of texts, or a boolean. Its messages follow the name of the setting, and
   * never repeat the value, which may be a secret. It is a function, since making the schemas of all settings would
   * take longer than the rest of a start, and few settings are given.
   */
  readonly schema: () => z.ZodMiniType;
  /** The value if nothing is given; undefined without this. */
  readonly default?: unknown;
  /** Whether the setting is required. */
  readonly isRequired?: boolean;
}

export type Settings = Readonly<Record<string, Setting>>;

/** The configuration that the settings of a command give. */
export type ConfigOf<S extends Settings> = {
  readonly [Name in keyof S]: z.output<ReturnType<S[Name]['schema']>> | ValueOfNothing<S[Name]>;
};

type ValueOfNothing<S extends Setting> = S extends { readonly default: infer Default }
  ? Default
  : S extends { readonly isRequired: true }
    ? never
    : undefined;
