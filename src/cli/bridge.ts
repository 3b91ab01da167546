import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { Router } from '../acp/router.ts';
import { ResumableLink } from '../agent/resumable-link.ts';
import { threadIds } from '../agent/thread-ids.ts';
import { parseRuntimeArn, type RuntimeArn } from '../aws/arn.ts';
import { createCredentialSource } from '../aws/credentials.ts';
import { dataPlaneEndpoint } from '../aws/endpoint.ts';
import { BridgeError } from '../base/errors.ts';
import { LineAssembler } from '../base/lines.ts';
import { createLog } from '../base/log.ts';
import type { bridgeSettings, ConfigOf } from '../config/settings.ts';
import { createShell } from '../shell/reconnecting-shell.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { keysFromEnvironment } from './environment.ts';
import { LineWriter } from './line-writer.ts';

/** The bridge: ACP on stdin and stdout, until the input ends or a signal comes. Resolves to the exit code. */
export async function runBridge(config: ConfigOf<typeof bridgeSettings>): Promise<number> {
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => process.stderr.write(line),
  });
  const arn = parseRuntimeArn(config.runtimeArn);
  checkRegion(arn, config.region);
  const endpoint = dataPlaneEndpoint(arn, config.endpointUrl);
  const { runtimeSessionId, shellId } = threadIds(config.thread ?? randomUUID());
  const credentials = createCredentialSource({
    keys: keysFromEnvironment(process.env),
    profile: config.profile,
    region: arn.region,
  });
  const target = { endpoint, arn, qualifier: config.qualifier, sessionId: runtimeSessionId, shellId };
  const ending = Promise.withResolvers<BridgeError | undefined>();

  const output = new LineWriter(process.stdout, {
    onRoom: () => router.onRoom(),
    onGone: () => ending.resolve(undefined),
  });
  const router = new Router({
    createLink: (events) =>
      new ResumableLink({
        shellId,
        createShell: (shellEvents) => createShell({ target, credentials, events: shellEvents, log }),
        command: config.command,
        cwd: config.cwd,
        env: config.env,
        persist: [],
        maxLineBytes: config.maxMessage,
        events,
        log,
      }),
    write: (lines) => output.write(lines),
    onFatal: ending.resolve,
    maxMessageHint: 'Raise the limit with --max-message.',
    log,
  });
  readLines(config.maxMessage, router, () => ending.resolve(undefined));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => ending.resolve(undefined));
  }

  const error = await ending.promise;
  process.stdin.destroy();
  router.leave();
  await router.flushed(limits.flushMs);
  await router.close(limits.detachMs);
  if (error === undefined) return exitCodes.ended;
  log.error(error.explanation, { code: error.code });
  return exitCodeOf(error.code);
}

const limits = {
  /** A chat bot sends SIGKILL 1.5 s after SIGTERM; we promise to be gone within one. */
  detachMs: 600,
  flushMs: 200,
  /** Of the client's messages that wait for the agent. Up to here stdin is read on, so that a cancel is seen. */
  pendingBytes: 64 * 1024 * 1024,
} as const;

function checkRegion(arn: RuntimeArn, region: string | undefined): void {
  if (region === undefined || region === arn.region) return;
  throw new BridgeError(
    'usage',
    `the Region ${region} is not the one of the runtime, which is in ${arn.region}`,
    {
      remedy: 'Leave out --region and AWS_REGION, or give the ARN of a runtime in that Region',
    },
  );
}

function readLines(maxBytes: number, router: Router, onEnd: () => void): void {
  const { stdin } = process;
  const lines = new LineAssembler({
    maxBytes,
    onLine: (line) => router.fromClient(line),
    onOversizedLine: (head) => router.oversizedFromClient(head),
  });
  stdin.on('data', (chunk: Uint8Array) => {
    lines.push(chunk);
    if (router.pendingBytes <= limits.pendingBytes) return;
    stdin.pause();
    void router.drained(limits.pendingBytes / 2).then(() => stdin.resume());
  });
  stdin.once('end', onEnd);
  stdin.once('error', onEnd);
}
