import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { Router } from '../acp/routing/router.ts';
import type { ThreadChoice } from '../acp/routing/thread-choice.ts';
import { ResumableLink } from '../agent/resume/resumable-link.ts';
import { threadIds } from '../agent/thread-ids.ts';
import { parseRuntimeArn, type RuntimeArn } from '../aws/arn.ts';
import { createCredentialSource } from '../aws/credentials.ts';
import { dataPlaneEndpoint } from '../aws/endpoint.ts';
import { SigningClock } from '../aws/signing-clock.ts';
import { BridgeError } from '../base/errors.ts';
import { LineAssembler } from '../base/lines.ts';
import { createLog } from '../base/log.ts';
import { agentOf } from '../config/agents.ts';
import type { bridgeSettings, ConfigOf } from '../config/settings.ts';
import { createShell } from '../shell/reconnecting-shell.ts';
import { capabilityCache } from './capability-cache.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { keysFromEnvironment } from './environment.ts';
import { LineWriter } from './line-writer.ts';
import { sessionMemory } from './session-memory.ts';
import { warnOfMissing } from './missing-provisions.ts';

type Config = ConfigOf<typeof bridgeSettings>;

/** Runs the bridge: ACP on stdin and stdout, until the input ends or a signal comes. Resolves to the exit code. */
export async function runBridge(config: Config): Promise<number> {
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => process.stderr.write(line),
  });
  const arn = parseRuntimeArn(config.runtimeArn);
  checkRegion(arn, config.region);
  const service = {
    endpoint: dataPlaneEndpoint(arn, config.endpointUrl, {
      isFips: config.useFipsEndpoint,
      isDualStack: config.useDualstackEndpoint,
    }),
    arn,
    qualifier: config.qualifier,
  };
  const credentials = createCredentialSource({
    keys: keysFromEnvironment(process.env),
    profile: config.profile,
    region: arn.region,
  });
  const signingClock = new SigningClock({ log });
  const { capabilities, ...agent } = agentOf(config);
  const ending = Promise.withResolvers<BridgeError | undefined>();

  const output = new LineWriter(process.stdout, {
    onRoom: () => router.onRoom(),
    onGone: () => ending.resolve(undefined),
  });
  const router = new Router({
    threads: threadChoice(config),
    createLink: (key, input, events) => {
      const { runtimeSessionId, shellId } = threadIds(key);
      const target = { ...service, sessionId: runtimeSessionId, shellId };
      return new ResumableLink({
        shellId,
        createShell: (shellEvents) =>
          createShell({ target, credentials, signingClock, events: shellEvents, log }),
        ...agent,
        cwd: config.cwd,
        persistTo: config.persistTo,
        workspaceTimeoutMs: config.workspaceTimeoutMs,
        maxLineBytes: config.maxMessage,
        input,
        events,
        log,
      });
    },
    stopMachine: async (key) => {
      const { runtimeSessionId } = threadIds(key);
      const target = { ...service, sessionId: runtimeSessionId, credentials, signingClock };
      const { stopSession } = await import('../aws/stop-session.ts');
      await stopSession(target, AbortSignal.timeout(limits.stopMs)).catch((error: unknown) => {
        // Without `--on-exit stop` nobody relies on it.
        const level = config.onExit === 'stop' ? 'warn' : 'info';
        log[level]('a microVM could not be ended: AgentCore ends it when it has been idle', {
          why: whyOf(error),
        });
      });
    },
    cache: capabilityCache({
      runtime: config.runtimeArn,
      qualifier: config.qualifier,
      command: agent.command,
      log,
    }),
    memory: sessionMemory({
      runtime: config.runtimeArn,
      qualifier: config.qualifier,
      command: agent.command,
      log,
    }),
    agentCapabilities: config.agentCapabilities ?? capabilities,
    initializeTimeoutMs: config.initializeTimeoutMs,
    policy: {
      cancel: { strategy: config.cancelStrategy, graceMs: config.cancelGraceMs },
      idleDetachMs: config.idleDetachMs,
      progress: config.progress,
    },
    remote: {
      clientFs: config.clientFs,
      clientTerminal: config.clientTerminal,
      mcpStdio: config.mcpStdio,
      map: config.map,
      log,
    },
    onProvisions: warnOfMissing(log, agent.persist.length > 0),
    write: (lines) => output.write(lines),
    onFatal: ending.resolve,
    maxMessageHint: 'Raise the limit with --max-message.',
    log,
    random: Math.random,
    randomBytes: (bytes) => randomBytes(bytes),
  });
  readLines(config.maxMessage, router, () => ending.resolve(undefined));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => ending.resolve(undefined));
  }

  const error = await ending.promise;
  process.stdin.destroy();
  router.leave();
  await router.flushed(limits.flushMs);
  await router.close(limits.detachMs, { isStop: config.onExit === 'stop' });
  if (error === undefined) return exitCodes.ended;
  log.error(error.explanation, { code: error.code });
  return exitCodeOf(error.code);
}

const limits = {
  /** A chat bot sends SIGKILL 1.5 s after SIGTERM; the bridge promises to end within one second. */
  detachMs: 600,
  flushMs: 200,
  /** From the rest of that second, once the shell was let go of. */
  stopMs: 400,
  /**
   * Bytes of the client's messages that wait for the agent. Up to this limit stdin is read, so that a cancel is seen.
   */
  pendingBytes: 64 * 1024 * 1024,
} as const;

function checkRegion(arn: RuntimeArn, region: string | undefined): void {
  if (region === undefined || region === arn.region) return;
  throw new BridgeError(
    'usage',
    `the Region ${region} is not the one of the runtime, which is in ${arn.region}`,
    {
      remedy: 'Leave out --region, or give the ARN of a runtime in that Region',
    },
  );
}

function threadChoice({ thread, threadFrom }: Config): ThreadChoice {
  return thread === undefined ? { is: threadFrom } : { is: 'fixed', key: thread };
}

function whyOf(error: unknown): string {
  return error instanceof BridgeError ? error.explanation : String(error);
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
