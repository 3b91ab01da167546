import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { BridgeError } from '../base/errors.ts';
import { printable } from '../base/log.ts';
import {
  type ConfigOf,
  bridgeSettings,
  idsSettings,
  localSettings,
  type Settings,
} from '../config/settings.ts';
import { readConfig } from '../config/read-config.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { addFlags, givenFlags } from './flags.ts';
import { shellWords } from './shell-words.ts';

/** Reads the command line, runs the command, and ends the process with its exit code. */
export async function main(): Promise<void> {
  process.exit(await run(process.argv.slice(2)));
}

async function run(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.ended;
  const program = commandLine(argv, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(ownArguments(argv), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ended : exitCodes.usage;
    if (error instanceof BridgeError) {
      complain(error.explanation);
      return exitCodeOf(error.code);
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    complain(...`This is a defect of agentcore-bridge: ${stack}`.split('\n'));
    return exitCodes.defect;
  }
}

/** What package.json says. */
function readPackage(): { readonly description: string; readonly version: string } {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return JSON.parse(text) as ReturnType<typeof readPackage>;
}

function commandLine(argv: readonly string[], exitWith: (code: number) => void): Command {
  const about = readPackage();
  const program = new Command('agentcore-bridge')
    .description(about.description)
    .usage('[options] [-- agent command…]')
    .version(about.version)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text) => complain(onOneLine(text.replace(/^error: /, ''))) })
    .showHelpAfterError(false)
    .allowExcessArguments()
    .addHelpText('after', examples);
  const subcommand = (name: string, says: string): Command =>
    program
      .command(name)
      .description(says)
      .copyInheritedSettings(program)
      .allowExcessArguments()
      .hook('preAction', () => {
        if (argv.includes('--'))
          throw new BridgeError('usage', `the command ${name} takes no agent behind --`);
      });

  withSettings(program, bridgeSettings, async (config, flags) => {
    const agent = argv.slice(ownArguments(argv).length + 1);
    if (agent.length > 0 && flags['command'] !== undefined) {
      throw new BridgeError('usage', 'the agent command is given twice, by --command and behind --');
    }
    const { runBridge } = await import('./bridge.ts');
    exitWith(await runBridge(agent.length > 0 ? { ...config, command: shellWords(agent) } : config));
  });
  withSettings(
    subcommand('local', 'run a local AgentCore on 127.0.0.1, for use without an AWS account'),
    localSettings,
    async (config) => {
      const { runLocal } = await import('./local.ts');
      await runLocal(config);
    },
  );
  withSettings(
    subcommand('ids', 'print the runtimeSessionId and the shellId of a thread, as JSON'),
    idsSettings,
    async (config) => {
      const { threadIds } = await import('../agent/thread-ids.ts');
      process.stdout.write(`${JSON.stringify(threadIds(config.thread))}\n`);
    },
  );
  return program;
}

/** Gives a command the flags of its settings, and an action that gets what they and their variables come to. */
function withSettings<S extends Settings>(
  command: Command,
  settings: S,
  action: (config: ConfigOf<S>, flags: Readonly<Record<string, unknown>>) => Promise<void>,
): void {
  addFlags(command, settings);
  command.action(async () => {
    const [stray] = command.args;
    if (stray !== undefined) {
      throw new BridgeError('usage', `there is no command "${stray.slice(0, 100)}"`, {
        remedy: "The agent's own goes behind --",
      });
    }
    const flags = givenFlags(command, settings);
    await action(readConfig(settings, flags, process.env), flags);
  });
}

/** What stands before `--`. */
function ownArguments(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

function onOneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

function complain(...lines: readonly string[]): void {
  process.stderr.write(`agentcore-bridge: ${lines.map(printable).join('\n')}\n`);
}

const examples = `
Examples:
  agentcore-bridge --runtime-arn arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my-agent
  agentcore-bridge --runtime-arn … --agent claude --on-exit stop
  agentcore-bridge --runtime-arn … --map "$PWD=/mnt/workspace" --persist .my-agent -- my-agent --acp
  agentcore-bridge --runtime-arn … --thread discord:123 -- opencode acp
  agentcore-bridge local --port 8080        no AWS account needed; prints what to export

Exit codes: 0 end of input or SIGTERM, 2 usage, 3 refused (credentials, permission, no such runtime),
4 unreachable, 5 replaced by another bridge, 6 the agent can't be started.`;
