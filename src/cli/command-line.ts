import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { BridgeError } from '../base/errors.ts';
import { bridgeSettings, idsSettings, localSettings, type Settings } from '../config/settings.ts';
import { readConfig } from '../config/read-config.ts';
import { complain } from './complain.ts';
import { exitCodes } from './exit-codes.ts';
import { addFlags, givenFlags } from './flags.ts';

/** Runs the command that a command line names. Resolves to the exit code. Rejects with BridgeError. */
export async function runCommandLine(
  { own, behind }: CommandWords,
  startBridge: (flags: Flags) => Promise<number>,
): Promise<number> {
  let exitCode: number = exitCodes.ended;
  const program = commandLine(behind !== undefined, async (flags) => {
    exitCode = await startBridge(flags);
  });
  try {
    await program.parseAsync(own, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ended : exitCodes.usage;
    throw error;
  }
}

export interface CommandWords {
  /** The words before `--`. */
  readonly own: readonly string[];
  /** The words behind `--`. */
  readonly behind: readonly string[] | undefined;
}

/** Values by the names of the settings, as from `givenFlags`. */
export type Flags = Readonly<Record<string, unknown>>;

/** Reads package.json. */
function readPackage(): { readonly description: string; readonly version: string } {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return JSON.parse(text) as ReturnType<typeof readPackage>;
}

function commandLine(hasAgent: boolean, startBridge: (flags: Flags) => Promise<void>): Command {
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
        if (hasAgent) throw new BridgeError('usage', `the command ${name} takes no agent behind --`);
      });

  withSettings(program, bridgeSettings, startBridge);
  withSettings(
    subcommand('local', 'run a local AgentCore on 127.0.0.1, for use without an AWS account'),
    localSettings,
    async (flags) => {
      const config = readConfig(localSettings, flags, process.env);
      const { runLocal } = await import('./local.ts');
      await runLocal(config);
    },
  );
  withSettings(
    subcommand('ids', 'print the runtimeSessionId and the shellId of a thread, as JSON'),
    idsSettings,
    async (flags) => {
      const config = readConfig(idsSettings, flags, process.env);
      const { threadIds } = await import('../agent/thread-ids.ts');
      process.stdout.write(`${JSON.stringify(threadIds(config.thread))}\n`);
    },
  );
  return program;
}

/** Gives a command the flags of its settings, and an action that gets the given values. */
function withSettings(command: Command, settings: Settings, action: (flags: Flags) => Promise<void>): void {
  addFlags(command, settings);
  command.action(async () => {
    const [stray] = command.args;
    if (stray !== undefined) {
      throw new BridgeError('usage', `there is no command "${stray.slice(0, 100)}"`, {
        remedy: "The agent's own goes behind --",
      });
    }
    await action(givenFlags(command, settings));
  });
}

function onOneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

const examples = `
Examples:
  agentcore-bridge --runtime-arn arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my-agent
  agentcore-bridge --runtime-arn … --agent claude --on-exit stop
  agentcore-bridge --runtime-arn … --map "$PWD=/mnt/workspace" --persist .my-agent -- my-agent --acp
  agentcore-bridge --runtime-arn … --thread discord:123:456 -- opencode acp
  agentcore-bridge local --port 8080        no AWS account needed; prints what to export

Exit codes: 0 end of input or SIGTERM, 2 usage, 3 refused (credentials,
permission, no such runtime), 4 unreachable, 5 replaced by another bridge,
6 the agent can't be started.`;
