import { delimiter, isAbsolute } from 'node:path';
import process from 'node:process';
import { createLog } from '../base/log.ts';
import type { ConfigOf, localSettings } from '../config/settings.ts';
import { startLocalAgentCore } from '../local/local-agentcore.ts';
import { startNotice } from '../local/start-notice.ts';

/** Runs a local AgentCore until a signal comes. */
export async function runLocal(config: ConfigOf<typeof localSettings>): Promise<void> {
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => process.stderr.write(line),
  });
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const local = await startLocalAgentCore({
    ...(config.port === undefined ? {} : { port: config.port }),
    ...(config.stateDir === undefined ? {} : { stateDir: config.stateDir }),
    tls: config.tls,
    hostNames: config.hostNames,
    bearerTokens: config.bearerTokens,
    // The microVM has the programs on this PATH and the files of this directory.
    containerEnv: { PATH: path },
    imagePaths: [process.cwd(), ...path.split(delimiter).filter(isAbsolute)],
    log,
  });
  process.stdout.write(startNotice(local));
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await local.close();
}
