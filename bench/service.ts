/**
 * A local AgentCore in a process of its own. It tells its parent where it is, then of every connection that it closes, and
 * cuts them when it is told to.
 */
import process from 'node:process';
import { startLocalAgentCore } from '../src/local/local-agentcore.ts';
import type { LocalCredentials } from '../src/local/http/sigv4-verify.ts';

export interface ServiceAddress {
  readonly url: string;
  readonly credentials: LocalCredentials;
}

/** A close code that the service gave. */
export interface ServiceClosed {
  readonly closed: number;
}

const ignore = (): void => undefined;
const local = await startLocalAgentCore({
  imagePaths: JSON.parse(process.argv[2] ?? '[]') as string[],
  // A hundred sessions begin at once here.
  limits: { newSessionsPerSecond: 1_000 },
  log: {
    error: ignore,
    warn: ignore,
    info: (message, fields) => {
      if (message === 'closing' && process.connected)
        process.send?.({ closed: Number(fields?.['code']) } satisfies ServiceClosed);
    },
    debug: ignore,
  },
});
process.on('message', () => local.faults.cut('rst'));
process.on('disconnect', () => void local.close().then(() => process.exit()));
process.send?.({ url: local.url, credentials: local.credentials[0] } satisfies ServiceAddress);
