import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentLog } from '../base/log.ts';
import { FaultState } from './behaviour/fault-state.ts';
import type { Faults } from './behaviour/faults.ts';
import { chooseMicroVms } from './microvm/choose.ts';
import { defaultLimits } from './behaviour/limits.ts';
import { defaultReadings } from './behaviour/readings.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from './options.ts';
import type { LocalCredentials } from './http/sigv4-verify.ts';
import type { Readings } from './behaviour/readings.ts';
import { loadPty } from './microvm/pty.ts';
import { makeTlsIdentity } from './http/certificates.ts';
import { listen } from './http/server.ts';
import { StopAnswers } from './http/stop-answers.ts';
import { Sessions } from './sessions/sessions.ts';

/**
 * Starts the AgentCore shell service on 127.0.0.1, for users and tests without an AWS account. Rejects with a
 * `BridgeError` `usage` if the PTY package, the port or the isolation that was asked for is not available.
 */
export async function startLocalAgentCore(options: LocalAgentCoreOptions = {}): Promise<LocalAgentCore> {
  const { port = 0, isolation = 'auto', log = silentLog } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const readings = { ...defaultReadings, ...options.readings };
  const [firstPair = madeUpCredentials(), ...otherPairs] = options.credentials ?? [];
  const credentials = [firstPair, ...otherPairs] as const;
  const openPty = await loadPty();
  const stateDir = resolve(options.stateDir ?? (await mkdtemp(join(tmpdir(), 'agentcore-local-'))));
  await mkdir(stateDir, { recursive: true });
  const removeState = async (): Promise<void> => {
    if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true });
  };
  try {
    const microVms = await chooseMicroVms(isolation, {
      stateDir: join(stateDir, 'microvms'),
      containerEnv: options.containerEnv ?? defaultContainerEnv,
      imagePaths: options.imagePaths ?? [],
    });
    const faults = new FaultState();
    const sessions = new Sessions({
      microVms,
      openPty,
      limits,
      readings,
      log,
      shellCommand: options.shellCommand ?? ['/bin/bash'],
      workspaces: join(stateDir, 'workspaces'),
    });
    const hostNames = (options.hostNames ?? []).map((name) => name.toLowerCase());
    const tls = options.tls === true ? await makeTlsIdentity([...loopbackNames, ...hostNames]) : undefined;
    const caFile = tls && join(stateDir, 'ca.pem');
    if (tls !== undefined && caFile !== undefined) await writeFile(caFile, tls.authority);
    let connections = 0;
    const server = await listen({
      port,
      tls,
      stopAnswers: new StopAnswers(),
      limits,
      readings,
      sessions,
      faults,
      log,
      rules: {
        credentials,
        bearerTokens: options.bearerTokens ?? [],
        runtimes: options.runtimes,
        deniedActions: options.deniedActions ?? [],
        hostNames,
      },
      nextConnection: () => (connections += 1),
    });
    return {
      url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`,
      caFile,
      hostNames,
      port: server.port,
      isolation: microVms.isolation,
      credentials,
      faults: faultsOf(faults, sessions, readings),
      sessions: () => sessions.list(),
      close: async () => {
        await sessions.close();
        await server.close();
        await removeState();
      },
    };
  } catch (error) {
    await removeState();
    throw error;
  }
}

const loopbackNames = ['localhost', '127.0.0.1', '::1'];

/** What an image would set. */
const defaultContainerEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

function madeUpCredentials(): LocalCredentials {
  return {
    accessKeyId: `AKIALOCAL${randomBytes(6).toString('hex').toUpperCase().slice(0, 11)}`,
    secretAccessKey: randomBytes(30).toString('base64'),
  };
}

function faultsOf(state: FaultState, sessions: Sessions, readings: Readings): Faults {
  return {
    cut: (how, filter) => state.cut(how, filter),
    cutAfter: (cut) => {
      state.armCut(cut);
    },
    loseInFlight: (bytes) => {
      state.inFlight = { ...bytes };
    },
    refuseUpgrades: (refusal) => {
      state.addUpgradeFault({ kind: 'refuse', refusal }, refusal.times);
    },
    delayUpgrades: (milliseconds, times) => {
      state.addUpgradeFault({ kind: 'delay', milliseconds }, times);
    },
    hangUpgrades: (times) => {
      state.addUpgradeFault({ kind: 'hang' }, times);
    },
    blackhole: (on) => {
      state.setBlackhole(on);
    },
    splitOutput: (bytes) => {
      state.splitBytes = bytes;
    },
    mergeOutput: (milliseconds) => {
      state.mergeMs = milliseconds;
    },
    skewClock: (milliseconds) => {
      state.skewMs = milliseconds;
    },
    changeReadings: (changed) => {
      Object.assign(readings, changed);
    },
    dropInput: (loss) => {
      state.in.lose(loss);
    },
    dropOutput: (loss) => {
      state.out.lose(loss);
    },
    double: (direction, choice) => {
      state[direction].double(choice);
    },
    delay: (direction, choice) => {
      state[direction].delay(choice, choice.milliseconds);
    },
    lateInput: (late) => {
      state.armLate(late);
    },
    failAttaches: ({ times, code = 1011 } = {}) => {
      state.addUpgradeFault({ kind: 'fail', code }, times);
    },
    noise: (channel, payload) => {
      const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
      const hit = state.matching({});
      for (const connection of hit) connection.send(channel, bytes);
      return hit.length;
    },
    evict: (sessionId) => sessions.evict(sessionId),
    killShell: (shellId) => sessions.killShell(shellId),
    onFrame: (observer) => state.addObserver(observer),
  };
}
