import { z } from 'zod';
import { logFormats, logLevels } from '../base/log.ts';

/**
 * All that can be configured: for each setting its flag, the variables that stand in for it (the first that is set
 * counts), what the help says, and what it may be. Flags, variables, help and errors are made from this table alone.
 */
export const bridgeSettings = {
  runtimeArn: {
    flag: '--runtime-arn <arn>',
    env: ['AGENTCORE_RUNTIME_ARN'],
    says: 'the AgentCore runtime that runs the agent (required)',
    schema: z.string({ error: 'is required' }),
  },
  region: {
    flag: '--region <region>',
    env: ['AWS_REGION'],
    says: "AWS Region (default: the ARN's)",
    schema: z.string().optional(),
  },
  qualifier: {
    flag: '--qualifier <name>',
    env: ['AGENTCORE_QUALIFIER'],
    says: 'endpoint of the runtime (default: DEFAULT)',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be 1 to 128 letters, digits, - or _')
      .default('DEFAULT'),
  },
  command: {
    flag: '--command <command>',
    alias: '--shell-command <command>',
    env: ['AGENTCORE_AGENT_COMMAND'],
    says: 'what starts the agent in the microVM (default: kiro-cli acp --trust-all-tools)',
    schema: shellText().default('kiro-cli acp --trust-all-tools'),
  },
  thread: {
    flag: '--thread <key>',
    env: ['AGENTCORE_THREAD'],
    says: 'names the conversation: the same key finds the same agent (default: a new one)',
    schema: z.string().min(1, 'must not be empty').optional(),
  },
  cwd: {
    flag: '--cwd <path>',
    env: ['AGENTCORE_CWD'],
    says: 'working directory in the microVM (default: /mnt/workspace, or else HOME)',
    schema: shellText()
      .refine((path) => !/[\n\r]/.test(path), 'must be one line')
      .optional(),
  },
  env: {
    flag: '--env <KEY=VALUE>',
    isList: true,
    env: [],
    says: 'environment of the agent in the microVM (repeatable)',
    schema: z
      .array(z.string().transform(parseAssignment))
      .default([])
      .transform(Object.fromEntries<string>),
  },
  endpointUrl: {
    flag: '--endpoint-url <url>',
    env: ['AWS_ENDPOINT_URL_BEDROCK_AGENTCORE', 'AWS_ENDPOINT_URL'],
    says: "another endpoint than AWS's; http:// means no TLS",
    schema: z.string().optional(),
  },
  profile: {
    flag: '--profile <name>',
    env: ['AWS_PROFILE'],
    says: 'profile of the AWS configuration files',
    schema: z.string().min(1, 'must not be empty').optional(),
  },
  maxMessage: {
    flag: '--max-message <size>',
    env: ['AGENTCORE_MAX_MESSAGE'],
    says: 'longest message either way, such as 64MB (the default)',
    schema: z.string().default('64MB').transform(parseSize),
  },
  logLevel: {
    flag: '--log-level <level>',
    env: [],
    says: `${logLevels.join(' | ')} (default: warn), on stderr`,
    schema: z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` }).default('warn'),
  },
  logFormat: {
    flag: '--log-format <format>',
    env: [],
    says: `${logFormats.join(' | ')} (default: text)`,
    schema: z.enum(logFormats, { error: `must be one of ${logFormats.join(', ')}` }).default('text'),
  },
} as const satisfies Settings;

export const localSettings = {
  port: {
    flag: '--port <number>',
    env: [],
    says: 'TCP port on 127.0.0.1 (default: any free one)',
    schema: z
      .string()
      .regex(/^\d+$/, 'must be a number')
      .transform(Number)
      .refine((port) => port <= 65_535, 'must be at most 65535')
      .optional(),
  },
  stateDir: {
    flag: '--state-dir <path>',
    env: [],
    says: 'where workspaces are kept (default: a temporary directory, removed at the end)',
    schema: z.string().min(1, 'must not be empty').optional(),
  },
  logLevel: bridgeSettings.logLevel,
  logFormat: bridgeSettings.logFormat,
} as const satisfies Settings;

export const idsSettings = {
  thread: {
    ...bridgeSettings.thread,
    says: 'names the conversation (required)',
    schema: z.string({ error: 'is required' }).min(1, 'must not be empty'),
  },
} as const satisfies Settings;

export interface Setting {
  /** As commander takes it. */
  readonly flag: string;
  /** Another name of the flag. */
  readonly alias?: string;
  /** Whether the flag can be given several times. */
  readonly isList?: boolean;
  readonly env: readonly string[];
  readonly says: string;
  readonly schema: z.ZodType;
}

export type Settings = Readonly<Record<string, Setting>>;

/** What the settings of a command come to. */
export type ConfigOf<S extends Settings> = { readonly [Name in keyof S]: z.output<S[Name]['schema']> };

/** Text that can be a word of bash. */
function shellText() {
  return z
    .string()
    .min(1, 'must not be empty')
    .refine((text) => !text.includes('\0'), 'must not hold a NUL character');
}

function parseAssignment(text: string, context: z.RefinementCtx<string>): [string, string] {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined && !value.includes('\0')) return [name, value];
  context.addIssue({
    code: 'custom',
    message: 'must be KEY=VALUE, with letters, digits and _ in KEY',
    input: '',
  });
  return z.NEVER;
}

function parseSize(text: string, context: z.RefinementCtx<string>): number {
  const [, digits, unit = ''] = /^(\d+)(KB|MB|GB)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** ['', 'KB', 'MB', 'GB'].indexOf(unit.toUpperCase());
  if (bytes >= minMessageBytes && bytes <= maxMessageBytes) return bytes;
  context.addIssue({ code: 'custom', message: 'must be a size from 64KB to 1GB, such as 64MB', input: text });
  return z.NEVER;
}

/** What agents say of themselves and their commands alone takes more than half of it. */
const minMessageBytes = 64 * 1024;
/** A message is held as one piece of memory. */
const maxMessageBytes = 1024 ** 3;
