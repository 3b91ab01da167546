import process from 'node:process';
import { BridgeError } from '../base/errors.ts';
import { readConfig } from '../config/read-config.ts';
import { bridgeSettings } from '../config/settings.ts';
import { runBridge } from './bridge.ts';
import { complain } from './complain.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { plainFlags } from './plain-flags.ts';
import { shellWords } from './shell-words.ts';

/** Reads the command line, runs the command, and ends the process with its exit code. */
export async function main(): Promise<void> {
  process.exit(await run(process.argv.slice(2)));
}

async function run(argv: readonly string[]): Promise<number> {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const behind = end < 0 ? undefined : argv.slice(end + 1);
  const startBridge = async (flags: Readonly<Record<string, unknown>>): Promise<number> => {
    const config = readConfig(bridgeSettings, flags, process.env);
    if (behind === undefined || behind.length === 0) return runBridge(config);
    if (flags['command'] === undefined) return runBridge({ ...config, command: shellWords(behind) });
    throw new BridgeError('usage', 'the agent command is given twice, by --command and behind --');
  };
  try {
    const flags = plainFlags(own, bridgeSettings);
    if (flags !== undefined) return await startBridge(flags);
    const { runCommandLine } = await import('./command-line.ts');
    return await runCommandLine({ own, behind }, startBridge);
  } catch (error) {
    if (error instanceof BridgeError) {
      complain(error.explanation);
      return exitCodeOf(error.code);
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    complain(...`This is a defect of agentcore-bridge: ${stack}`.split('\n'));
    return exitCodes.defect;
  }
}
