import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { agentCannotStart, agentExited, leaving, slowToCancel } from '../../src/acp/message/errors.ts';
import { inRemoteTerms } from '../../src/acp/client/remote-view.ts';
import { readMessage, type Request } from '../../src/acp/message/message.ts';
import { hostFailure } from '../../src/agent/host/failure.ts';
import { SaveResults } from '../../src/agent/keep/save-results.ts';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { createCredentialSource } from '../../src/aws/credentials.ts';
import { SigningClock } from '../../src/aws/signing-clock.ts';
import { stopSession } from '../../src/aws/stop-session.ts';
import { upgradeRefusal } from '../../src/aws/upgrade-errors.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { createLog, type Log, silentLog } from '../../src/base/log.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { warnOfMissing } from '../../src/cli/missing-provisions.ts';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import { shellClose } from '../../src/shell/close-codes.ts';
import { connectError } from '../../src/shell/connect-errors.ts';
import { verdictOnClose } from '../../src/shell/verdict.ts';
import { Stage, textsOf } from '../acp/agents-stage.ts';
import { bytesOf } from '../acp/message/json-texts.ts';
import { routed, routedAndBegun } from '../acp/routed.ts';
import { type Answer, linkTo, ScriptedShell } from '../agent/scripted-shell.ts';
import { runBin } from '../cli/run-bin.ts';
import { runMain } from '../cli/run-main.ts';
import { runtimeArn } from '../e2e/bridge-process.ts';
import { startBridge, startLocal } from '../e2e/stage.ts';
import { tryOpen } from '../local/client.ts';
import { verifies } from '../requirements.ts';

const arn = ['--runtime-arn', runtimeArn];
const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');

/** What is said, and with which exit code the bridge leaves because of it, if it does. */
interface Said {
  readonly text: string;
  readonly exitCode?: number;
}

const options =
  (args: readonly string[], env: Record<string, string> = {}) =>
  async (): Promise<Said> => {
    const { code, stdout, stderr } = await runMain(args, env);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^agentcore-bridge: [^\n]*\n$/);
    return { text: stderr.trim().replace('agentcore-bridge: ', ''), exitCode: code ?? -1 };
  };
const withArn = (args: readonly string[], env: Record<string, string> = {}) =>
  options([...arn, ...args], env);

/** An error that makes the bridge leave. */
const fatal = (error: BridgeError): Said => ({
  text: error.explanation,
  exitCode: exitCodeOf(error.code),
});
/** One that only the request is answered with. */
const answered = ({ explanation }: BridgeError): Said => ({ text: explanation });

const refused = (status: number, errorType?: string, message?: string) => (): Said =>
  fatal(
    upgradeRefusal({ status, errorType, body: JSON.stringify({ message }) }, parseRuntimeArn(runtimeArn))
      .error,
  );

const notReached =
  (code: string, endpoint = 'https://bedrock-agentcore.us-east-1.amazonaws.com') =>
  (): Said =>
    fatal(connectError(Object.assign(new Error(code), { code }), new URL(endpoint)));

function closed(code: number, reason: string): () => Said {
  return () => {
    const verdict = verdictOnClose(shellClose(code, reason));
    if (verdict.is === 'rest') throw new Error('nothing is wrong');
    return fatal(verdict.error);
  };
}

/** The id of a session whose first prompt is to tell its thread. */
async function openedUnbound(stage: Stage): Promise<string> {
  const opening = stage.ask('session/new', { cwd: '/', mcpServers: [] });
  const answers = await stage.told();
  const result = answers.find(({ id }) => id === opening)?.result as { sessionId: string };
  return result.sessionId;
}

/** What the client is told of the one request that it made. */
const told = (message: unknown): Said => {
  const { error } = message as { error?: { message: string } };
  return { text: error?.message ?? '' };
};
const answer =
  (line: string, { isBegun = true } = {}) =>
  async (): Promise<Said> => {
    const it = isBegun ? routedAndBegun() : routed();
    it.ask(line);
    const [first] = await it.answers();
    return told(first);
  };

/** The errors that a link gives up with, or begins another epoch with, when a host answers so. */
async function linkErrors(answer: Answer, log = silentLog): Promise<BridgeError[]> {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const errors: BridgeError[] = [];
  const shell = new ScriptedShell(answer);
  const link = linkTo(shell, {
    maxLineBytes: 1024,
    log,
    events: {
      onEpoch: ({ cause }) => cause && errors.push(cause),
      onFailed: (error) => errors.push(error),
    },
  });
  link.attach();
  await vi.advanceTimersByTimeAsync(0);
  // A host that answers no question is attached anew.
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  const closed = link.close(0);
  await vi.advanceTimersByTimeAsync(1000);
  await closed;
  return errors;
}
const begin = (epoch: string, inSize: number): string => `begin ${epoch} live ${inSize} 0 - perl /root`;
/** A host in which more has arrived than was sent. */
const damaging: Answer = ({ replace }, attaches) =>
  replace === '-' ? [begin('e1e1e1e1', attaches === 1 ? 0 : 7000)] : [begin('e2e2e2e2', 0)];
const firstError = async (answer: Answer): Promise<BridgeError> => {
  const [error] = await linkErrors(answer);
  if (error === undefined) throw new Error('nothing was wrong');
  return error;
};

/** Credentials where the AWS files are these. */
const noCredentials =
  (options: { profile?: string; config?: string; timeoutMs?: number } = {}) =>
  async (): Promise<Said> => {
    const directory = await mkdtemp(join(tmpdir(), 'errors-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const { profile, config = '', timeoutMs } = options;
    await writeFile(join(directory, 'config'), config);
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'config'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(directory, 'none'));
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('HOME', directory);
    onTestFinished(() => void vi.unstubAllEnvs());
    const source = createCredentialSource({
      region: 'us-east-1',
      profile,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return fatal((await source().catch((error: unknown) => error)) as BridgeError);
  };
const sso = `[profile work]
sso_start_url = https://example.awsapps.com/start
sso_account_id = 123456789012
sso_region = us-east-1
sso_role_name = role
region = us-east-1
`;

/** What the log has of it at level warn. */
async function logged(act: (log: Log) => unknown): Promise<Said> {
  let text = '';
  await act(createLog({ level: 'warn', format: 'text', write: (line) => (text += line) }));
  return { text: text.trim() };
}
const dropped = (line: string) => (): Promise<Said> =>
  logged((log) => {
    const bytes = bytesOf(line);
    inRemoteTerms(bytes, readMessage(bytes) as Request, {
      clientFs: false,
      clientTerminal: false,
      mcpStdio: 'drop',
      map: [],
      log,
    });
  });

/** What is said of the end of a microVM that the service answers so, if it is there at all. */
const notStopped = (status: number | undefined, signal?: AbortSignal) => async (): Promise<Said> => {
  const server = createServer((_, response) => response.writeHead(status ?? 0).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = (): unknown => server.close();
  if (status === undefined) close();
  else onTestFinished(() => void close());
  const target = {
    endpoint: new URL(`http://127.0.0.1:${port}`),
    arn: parseRuntimeArn(runtimeArn),
    qualifier: 'DEFAULT',
    sessionId: 'x'.repeat(40),
    credentials: () => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 'b' }),
    signingClock: new SigningClock({ log: silentLog }),
  };
  return answered(
    (await stopSession(target, signal ?? AbortSignal.timeout(300)).catch(
      (error: unknown) => error,
    )) as BridgeError,
  );
};

/** By what stands in the page's second column: how it comes about. */
const producers: Readonly<Record<string, () => Said | Promise<Said>>> = {
  // Options
  '--runtime-arn is required.': options([]),
  '"…" is not the ARN of an AgentCore runtime.': options(['--runtime-arn', 'my-agent']),
  'The Region … is not the one of the runtime, which is in ….': withArn(['--region', 'eu-west-1']),
  "unknown option '…'": withArn(['--nope']),
  "option '…' argument missing": withArn(['--thread']),
  'There is no command "…".': options(['nope']),
  'The command … takes no agent behind --.': options(['ids', '--thread', 'x', '--', 'agent']),
  'The agent command is given twice, by --command and behind --.': withArn(['--command', 'a', '--', 'b']),
  '… must not be empty.': withArn(['--command', '']),
  '… must be one of ….': withArn(['--agent', 'hal']),
  '--qualifier must be 1 to 128 letters, digits, - or _.': withArn(['--qualifier', 'a b']),
  '--cwd must be one line.': withArn(['--cwd', '/a\nb']),
  '--env must be KEY=VALUE, with letters, digits and _ in KEY.': withArn(['--env', 'TOKEN']),
  '--map must be LOCAL=REMOTE, both absolute paths.': withArn(['--map', '/a']),
  '--persist must be a path below HOME, relative to it or with ~/ in front, without ..': withArn([
    '--persist',
    '../x',
  ]),
  '… must be a time of at most 24h, such as 500ms, 20s, 5m or 1h, or 0.': withArn(['--cancel-grace', '10']),
  '--max-message must be a size from 64KB to 1GB, such as 64MB.': withArn(['--max-message', '1TB']),
  '--agent-capabilities must be a JSON object, such as {"loadSession":true}.': withArn([
    '--agent-capabilities',
    '[]',
  ]),
  '… must be 1 or 0.': withArn([], { AGENTCORE_CLIENT_FS: 'si' }),
  '"…" can\'t be used as the endpoint URL.': withArn(['--endpoint-url', 'ftp://x']),
  '… must be true or false.': withArn([], { AWS_USE_FIPS_ENDPOINT: '1' }),
  "An endpoint URL can't be combined with a FIPS or a dual-stack endpoint.": withArn(
    ['--endpoint-url', 'http://127.0.0.1:9'],
    { AWS_USE_DUALSTACK_ENDPOINT: 'true' },
  ),
  '--port must be a number.': options(['local', '--port', 'http']),
  '--port must be at most 65535.': options(['local', '--port', '70000']),
  '--thread is required.': options(['ids']),
  'agentcore-bridge needs Node.js 22.12 or later; this is … (…).': async () => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })`;
    const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(older)}`];
    const { code, stderr } = await runBin(['--version'], { nodeArgs });
    return { text: stderr.trim(), exitCode: code ?? -1 };
  },
  "The local AgentCore can't listen on port … of 127.0.0.1.": async () => {
    const { port } = await startLocalAgentCore({ isolation: 'directory' }).then((local) => {
      onTestFinished(() => local.close());
      return local;
    });
    const error = await startLocalAgentCore({ port }).catch((error: unknown) => error);
    return fatal(error as BridgeError);
  },
  'The local AgentCore needs Linux, and this is ….': async () => {
    const spy = vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
    onTestFinished(() => spy.mockRestore());
    return fatal((await startLocalAgentCore().catch((error: unknown) => error)) as BridgeError);
  },
  'The local AgentCore needs the package @lydell/node-pty, and it is not installed here.': async () => {
    vi.resetModules();
    vi.doMock('@lydell/node-pty', () => {
      throw new Error('absent');
    });
    onTestFinished(() => {
      vi.doUnmock('@lydell/node-pty');
      vi.resetModules();
    });
    const fresh = await import('../../src/local/local-agentcore.ts');
    return fatal((await fresh.startLocalAgentCore().catch((error: unknown) => error)) as BridgeError);
  },
  // Credentials
  'No AWS credentials were found.': noCredentials(),
  'No AWS credentials of the profile "…" were found.': noCredentials({ profile: 'nope' }),
  'The AWS sign-in of the profile "…" is missing or has expired.': noCredentials({
    profile: 'work',
    config: sso,
  }),
  'AWS credentials could not be loaded within … s.': noCredentials({
    profile: 'slow',
    timeoutMs: 1,
    config: '[profile slow]\ncredential_process = sleep 0.2\n',
  }),
  // The service
  'AgentCore refused the request for a shell in …': refused(400, 'ValidationException', 'not ready'),
  'AgentCore did not allow a shell in …': refused(403, 'AccessDeniedException', 'not authorized'),
  '(HTTP 403 InvalidSignatureException: …)': refused(403, 'InvalidSignatureException', 'Signature expired'),
  'AgentCore knows no …, or no such endpoint of it': refused(404, 'ResourceNotFoundException', 'gone'),
  'AgentCore has no room for another shell or request in … now': refused(429, 'ThrottlingException', 'slow'),
  'The shell or its microVM is being claimed, started or stopped at this moment': refused(409),
  'AgentCore did not get the request for a shell in time': refused(408),
  'The microVM of … could not be reached, or has too many shells': refused(424),
  'AgentCore failed to open the shell': refused(503),
  'The endpoint did not open a shell in …': refused(200),
  "The certificate of … can't be trusted (…).": notReached('DEPTH_ZERO_SELF_SIGNED_CERT'),
  'The endpoint … does not speak TLS as expected (…).': notReached('EPROTO'),
  "The endpoint … can't be reached: it refuses connections.": notReached('ECONNREFUSED'),
  "The endpoint … can't be reached: it closed the connection.": notReached('ECONNRESET'),
  "The endpoint … can't be reached: there is no route to it.": notReached('EHOSTUNREACH'),
  "The endpoint … can't be reached: there is no network.": notReached('ENETUNREACH'),
  "The endpoint … can't be reached: its name is unknown.": notReached('ENOTFOUND'),
  "The endpoint … can't be reached: its name could not be looked up.": notReached('EAI_AGAIN'),
  "The endpoint … can't be reached: it does not answer.": notReached('ETIMEDOUT'),
  'The connection to the shell does not last: … (close code …).': closed(1006, ''),
  'The service ended the connection for good: … (close code …).': closed(1003, ''),
  'Another client attached this shell and took it over.': closed(4000, ''),
  'Another bridge had this thread meanwhile.': async () =>
    answered(await firstError((_, attaches) => [attaches === 2 ? 'taken' : begin('e1e1e1e1', 0)])),
  // The microVM
  'The shell in the microVM does not answer.': async () => fatal(await firstError(() => [])),
  "The microVM's image lacks …, which the agent host needs.": () => fatal(hostFailure('tool stty')),
  'Stty could not set up the terminal of the shell in the microVM.': () => fatal(hostFailure('stty')),
  'No directory for the agent host could be made in the microVM: neither /tmp, HOME nor /var/tmp can be written.':
    () => fatal(hostFailure('directory')),
  'The working directory … does not exist in the microVM and could not be made.': () =>
    fatal(hostFailure('cwd /nope')),
  'The agent could not be started in the microVM: no process could be made, or a file not be written.': () =>
    fatal(hostFailure('start')),
  'The microVM could not store what was sent to the agent.': () => fatal(hostFailure('input')),
  'The agent host in the microVM failed (…).': () => fatal(hostFailure('epoch')),
  'The agent could not be started (exit code 127: no such command in the microVM).': () =>
    fatal(agentCannotStart({ code: 127, stderr: '' })),
  'The agent could not be started (exit code 126: it is not executable).': () =>
    fatal(agentCannotStart({ code: 126, stderr: '' })),
  'The agent could not be started (exit code …).': () => fatal(agentCannotStart({ code: 1, stderr: '' })),
  'The agent ended unexpectedly (exit code …).': () => answered(agentExited({ code: 139 })),
  'The agent was ended, since it had not ended a cancelled turn within … s.': () =>
    answered(slowToCancel(10_000)),
  'The microVM was reclaimed, and the agent with it.': async () =>
    answered(await firstError((_, attaches) => [begin(`e000000${attaches}`, 0)])),
  'Part of what was sent to the agent got lost on the way.': async () => answered(await firstError(damaging)),
  'The bridge was told to leave before the agent answered.': () => answered(leaving()),
  // Messages
  'The line is not JSON.': answer('{"id":1,'),
  'The line is JSON, but neither a request, a notification nor a response of JSON-RPC 2.0.': answer('7'),
  'The message is longer than the bridge takes.': async () => {
    const it = routedAndBegun();
    it.router.oversizedFromClient(bytesOf('{"id":1,"method":"x","params":{'));
    const [first] = await it.answers();
    return told(first);
  },
  'The answer is longer than the bridge takes.': async () => {
    const it = routedAndBegun();
    it.ask('{"id":1,"method":"x"}');
    const [line = ''] = it.link.takeToAgent();
    const { id } = JSON.parse(line) as { id: number };
    it.link.sayOversized(`{"id":${id},"result":"`, 5000);
    const [first] = await it.answers();
    return told(first);
  },
  'The answer is not a valid message.': async () => {
    const it = routedAndBegun();
    it.ask('{"id":1,"method":"x"}');
    const [line = ''] = it.link.takeToAgent();
    const { id } = JSON.parse(line) as { id: number };
    it.link.say(`{"id":${id},"result":{`);
    const [first] = await it.answers();
    return told(first);
  },
  'Cancelled before it was sent to the agent.': async () => {
    const it = routed();
    it.ask('{"id":1,"method":"x"}', '{"method":"$/cancel_request","params":{"requestId":1}}');
    const [first] = await it.answers();
    return told(first);
  },
  'There is no session ….': async () => {
    const stage = new Stage();
    stage.initialized();
    const id = stage.ask('session/prompt', { sessionId: 'nope', prompt: [] });
    return told((await stage.told()).find((message) => message.id === id));
  },
  'The session has no agent yet: it gets one with its first prompt, which tells the thread that it belongs to.':
    async () => {
      const stage = new Stage({ threads: { is: 'sender-context' } });
      stage.ask('initialize', { protocolVersion: 1 });
      const sessionId = await openedUnbound(stage);
      const id = stage.ask('session/fork', { sessionId });
      return told((await stage.told()).find((message) => message.id === id));
    },
  // The conversation
  'The agent could not bring back what was said before: its memory of this conversation is gone, and it begins anew.':
    async () => {
      const stage = new Stage({}, {});
      stage.initialized();
      const sessionId = await stage.opened(0);
      stage.link(0).exit(1);
      stage.ask('session/prompt', { sessionId, prompt: [] });
      stage.link(0).begin();
      stage.answer(0, { protocolVersion: 1, agentCapabilities: {} });
      stage.answer(0, { sessionId: 'new' });
      return { text: String(textsOf(await stage.told())[0]) };
    },
  'The workspace is starting…': async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const stage = new Stage({ threads: { is: 'sender-context' } });
    stage.ask('initialize', { protocolVersion: 1 });
    const sessionId = await openedUnbound(stage);
    stage.ask('session/prompt', { sessionId, prompt: [{ type: 'text', text: 'hello' }] });
    vi.advanceTimersByTime(3000);
    return { text: String(textsOf(await stage.told())[0]) };
  },
  'What the agent remembers could not be saved, since …': async () => {
    const stage = new Stage();
    stage.initialized();
    const sessionId = await stage.opened(0);
    stage.link(0).saved('full');
    stage.ask('session/prompt', { sessionId, prompt: [] });
    return { text: String(textsOf(await stage.told())[0]) };
  },
  // The log
  'the service reports an error: the shell is attached again': async () => {
    const local = await startLocal({ isolation: 'directory' });
    const bridge = startBridge(local);
    await bridge.request('initialize', { protocolVersion: 1 });
    local.faults.noise(3, '{"status":"Failure","reason":"InternalError","message":"no pty","code":500}');
    await bridge.until(() => bridge.stderr.endsWith('\n'));
    return { text: bridge.stderr.trim() };
  },
  'the agent lacks the environment of its image': () => {
    let text = '';
    const log = createLog({ level: 'warn', format: 'text', write: (line) => void (text += line) });
    const warn = warnOfMissing(log, true);
    for (let agents = 0; agents < 2; agents++) warn({ keeping: 'kept', environment: 'none' });
    // Once, however many agents lack it.
    expect(text.match(/\n/g)).toHaveLength(1);
    return { text };
  },
  'what the agent remembers ends with its microVM: …': async () => {
    const bridge = startBridge(await startLocal({ isolation: 'directory' }), { args: ['--persist', '.x'] });
    await bridge.request('initialize', { protocolVersion: 1 });
    await bridge.until(() => bridge.stderr.endsWith('\n'));
    return { text: bridge.stderr };
  },
  'what the agent remembers could not be saved: …': () => {
    let text = '';
    const log = createLog({ level: 'warn', format: 'text', write: (line) => void (text += line) });
    new SaveResults(log, () => undefined).heard('full');
    return { text };
  },
  "this machine's clock is … minutes … AWS's: signed with AWS's": async () => {
    const local = await startLocal();
    local.faults.skewClock(600_000);
    const bridge = startBridge(local);
    await bridge.request('initialize', { protocolVersion: 1 });
    return { text: bridge.stderr };
  },
  'a microVM could not be ended: AgentCore ends it when it has been idle': async () => {
    const local = await startLocal();
    const bridge = startBridge(local, { args: ['--on-exit', 'stop'] });
    await bridge.request('initialize', { protocolVersion: 1 });
    await bridge.request('session/new', { cwd: '/', mcpServers: [] });
    await local.close();
    bridge.endInput();
    await bridge.exit;
    return { text: bridge.stderr };
  },
  'left before these messages could be delivered': async () => {
    const local = await startLocal();
    const bridge = startBridge(local, { args: ['--log-level', 'info'] });
    await bridge.request('initialize', { protocolVersion: 1 });
    local.faults.refuseUpgrades({ status: 503, times: 100 });
    local.faults.cut('rst');
    await expect.poll(() => bridge.stderr).toContain('connecting again');
    bridge.notify('test/note');
    bridge.endInput();
    await bridge.exit;
    return { text: bridge.stderr };
  },
  'a message of the client is over the limit: refused': () =>
    logged((log) => routed({ log }).router.oversizedFromClient(bytesOf('{"id":1,"method":"x","params":{'))),
  'a message of the agent is over the limit: dropped': () =>
    logged((log) => {
      const it = routedAndBegun({ log });
      it.link.sayOversized('{"method":"session/update","params":{', 5000);
    }),
  'what arrived in the microVM is not what was sent: the agent is started anew': () =>
    logged((log) => linkErrors(damaging, log)),
  'microVM could not be started': () =>
    logged(async (log) => {
      const stateDir = await mkdtemp(join(tmpdir(), 'errors-'));
      onTestFinished(() => rm(stateDir, { recursive: true }));
      const local = await startLocal({ stateDir, log });
      await writeFile(join(stateDir, 'workspaces'), '');
      await tryOpen(local);
    }),
  'shell could not be started': async () => {
    const going = Promise.withResolvers<void>();
    return logged(async (log) => {
      const info = (message: string): void => {
        if (message === 'microVM started') going.resolve();
      };
      const local = await startLocal({ log: { ...log, info } });
      local.faults.delayUpgrades(1);
      const opening = tryOpen(local);
      await going.promise;
      // The upgrade is not answered before the microVM has gone.
      local.faults.blackhole(true);
      await local.faults.evict();
      local.faults.blackhole(false);
      await opening;
    });
  },
  'additional directories are paths of this machine: dropped': dropped(
    '{"id":1,"method":"session/new","params":{"cwd":"/","additionalDirectories":["/a"]}}',
  ),
  'an MCP server is a command of this machine, which the microVM does not have: dropped': dropped(
    '{"id":1,"method":"session/new","params":{"cwd":"/","mcpServers":[{"name":"m","command":"/x","args":[]}]}}',
  ),
  'AgentCore did not end a microVM of …': notStopped(403),
  'AgentCore could not end the microVM (HTTP …)': notStopped(503),
  "AgentCore can't be reached to end the microVM.": notStopped(undefined),
  'AgentCore did not say in time that the microVM has ended.': notStopped(200, AbortSignal.abort()),
};

/** The rows of all tables of the page. */
const rows = [...page.matchAll(/^\| (.*) \|$/gm)]
  .map(([, row = '']) => row.split(/(?<!\\) \| /).map((cell) => cell.trim().replaceAll('\\|', '|')))
  .filter(([first = '']) => first !== '' && !/^-+$/.test(first) && first !== 'what was done');

/** What a row says is seen, and the exit code, if it names one. */
const seen = rows.map(([, says = '', exitCode = '']) => ({
  text: /`(.*)`/.exec(says)?.[1] ?? '',
  exitCode: /^\d$/.test(exitCode) ? Number(exitCode) : undefined,
}));

const pattern = (text: string): RegExp =>
  new RegExp(
    text
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+'),
    's',
  );

describe('docs/errors.md', () => {
  test('has a row for each error that this test produces, and no other', () => {
    expect(seen.map(({ text }) => text).sort()).toEqual(Object.keys(producers).sort());
  });

  test('says for each what to do', () => {
    expect(rows.filter((row) => row.length !== 4 || row.some((cell) => cell === ''))).toEqual([]);
  });

  test.each(seen.map(({ text, exitCode }) => [text, exitCode] as const))(
    verifies('cli.bad-input', 'is right: %s'),
    async (text, exitCode) => {
      const said = await producers[text]?.();
      expect(said?.text).toMatch(pattern(text));
      expect(said?.exitCode).toBe(exitCode);
    },
  );

  test('has all messages that the README lists', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const [, section = ''] = readme.split('\n## Troubleshooting\n');
    const short = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (`.*?`) +\|/gm)].flatMap(
      ([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
    );
    expect(short.length).toBeGreaterThan(10);
    const all = seen.map(({ text }) => text.toLowerCase());
    expect(short.filter((message) => !all.some((text) => text.includes(message.toLowerCase())))).toEqual([]);
  });

  test('has all messages that are logged at level warn or error', () => {
    const source = globSync('src/**/*.ts', { cwd: root })
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n');
    const lines = [...source.matchAll(/log\.(?:warn|error)\(\s*(['"`])(.*?)\1/gs)];
    expect(lines.length).toBeGreaterThan(8);
    const all = seen.map(({ text }) => text);
    for (const [, , line = ''] of lines) {
      // A row has what is put in as an ellipsis, perhaps with more about it.
      const parts = line.split(/\$\{.*?\}/);
      expect(all.filter((text) => parts.every((part) => text.includes(part.trim())))).not.toEqual([]);
    }
  });

  test('names each error code of the bridge', () => {
    const source = readFileSync(join(root, 'src', 'base', 'errors.ts'), 'utf8');
    const union = /type ErrorCode =(.*?);\n/s.exec(source)?.[1] ?? '';
    const codes = [...union.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes) expect(page).toContain(`\`${code}\``);
  });
});
