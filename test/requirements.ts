/**
 * What this project must do, each with its source. A test names the requirement that it verifies with
 * `verifies('id', …)` around its title. A whole test run fails if a requirement is named by no passing test.
 */
interface Requirement {
  readonly says: string;
  readonly source: 'AWS' | 'ACP' | 'openab' | 'design' | 'issue';
}

export const requirements = {
  // The service, as the bridge uses it
  'aws.sigv4': {
    says: 'The upgrade is signed with SigV4: path encoded once on the wire, twice in the canonical request.',
    source: 'AWS',
  },
  'aws.arn': {
    says: 'The ARN, its partition and its Region choose the endpoint; a malformed one is refused in one line.',
    source: 'AWS',
  },
  'aws.region': {
    says: "The ARN's Region counts, whatever AWS_REGION and AWS_DEFAULT_REGION say; another --region is refused.",
    source: 'issue',
  },
  'aws.endpoint-override': {
    says: '--endpoint-url and AWS_ENDPOINT_URL[_BEDROCK_AGENTCORE] choose another endpoint; http:// means plain ws.',
    source: 'AWS',
  },
  'aws.upgrade-refused': {
    says: '400, 401, 403 and 404 stop at the first try and name the permission or the ARN.',
    source: 'AWS',
  },
  'aws.upgrade-busy': {
    says: '402, 408, 409, 424, 429 and 5xx are retried, and so are errors whose name says throttled or timed out.',
    source: 'AWS',
  },
  'aws.retry-after': {
    says: 'Retry-After and x-amz-retry-after are the earliest time of the next try of every request.',
    source: 'AWS',
  },
  'aws.clock': {
    says: "A request that is refused because of its time is signed again with the service's time: at once, and once.",
    source: 'AWS',
  },
  'shell.frame-limit': {
    says: 'No frame is over 64 KB, channel byte included, under any load.',
    source: 'AWS',
  },
  'shell.frame-rate': { says: 'Never more than 250 frames in any second, under any load.', source: 'AWS' },
  'shell.unknown-channel': { says: 'Frames of unknown channels are ignored.', source: 'AWS' },
  'shell.confirmation': {
    says: 'The confirmation may come first, after output, late, twice or never.',
    source: 'AWS',
  },
  'shell.status': {
    says: 'STATUS payloads are read as confirmation, exit, or platform error; malformed ones are harmless.',
    source: 'AWS',
  },
  'shell.internal-error': {
    says: 'STATUS InternalError ends the attach, is logged, and is retried with backoff.',
    source: 'issue',
  },
  'shell.close-codes': { says: 'Each close code has one answer, from one table.', source: 'AWS' },
  'shell.dead-peer': { says: 'A hung upgrade and a lost pong end the connection in time.', source: 'design' },
  'shell.backoff': {
    says: 'Reconnection backs off with jitter up to 15 s, and starts again once an attach was useful.',
    source: 'AWS',
  },
  'shell.hand-over': {
    says: 'The bridge replaces a connection before its 1-hour limit, when it is quiet.',
    source: 'AWS',
  },
  'shell.no-close-frame': { says: 'Detaching never sends 0xFF.', source: 'AWS' },
  'shell.replaced': {
    says: 'Close code 4000 is reported with an exit code of its own, and the bridge does not reconnect.',
    source: 'AWS',
  },
  // The agent host and the link
  'host.bootstrap-size': { says: 'The bootstrap line stays under 4096 bytes.', source: 'design' },
  'host.outlives-shell': {
    says: 'The agent outlives the connection, the bridge, and its shell.',
    source: 'design',
  },
  'host.exactly-once': {
    says: '50 random cuts in a two-way flood: 0 lost, 0 doubled, 0 out of order, under both readings of the replay.',
    source: 'issue',
  },
  'host.takeover': {
    says: 'A new bridge process on the same thread finds the same agent process and goes on where the last bridge ended.',
    source: 'issue',
  },
  'host.half-line': {
    says: 'A line that a dead client left half-written never reaches the agent.',
    source: 'design',
  },
  'host.exit-in-order': {
    says: 'The exit of the agent is reported behind its last output, with its status and the end of its stderr.',
    source: 'design',
  },
  'host.epoch': {
    says: 'A reused pid or a new microVM is a new epoch, and no line of the old epoch counts for it.',
    source: 'design',
  },
  'host.damage': {
    says: 'Input that cannot be mended is noticed and reported, and the agent is replaced.',
    source: 'design',
  },
  'host.lost-output': {
    says: 'Lost output is noticed before any later output is passed on, and is asked for again.',
    source: 'issue',
  },
  'host.lost-input': {
    says: 'Input that the service loses is sent again to the same agent, which never sees a line that is not whole.',
    source: 'issue',
  },
  'host.late-input': {
    says: 'Late input of a dead connection never reaches the agent twice, cut or mixed up.',
    source: 'issue',
  },
  'host.doubled': { says: 'Frames that the service delivers twice arrive once.', source: 'issue' },
  'host.fallbacks': { says: 'It works in a container that has only busybox and bash.', source: 'issue' },
  'host.login-shell': {
    says: 'The host finds bash from any POSIX shell in the PTY; without bash an error says so within 15 s.',
    source: 'issue',
  },
  'host.missing-tool': {
    says: 'A tool that is missing and has no fallback (stty) is named.',
    source: 'issue',
  },
  'host.environment': {
    says: "The agent gets the container's environment, which --env overrides.",
    source: 'design',
  },
  'host.secrets': { says: 'Values of --env are on no command line and in no history.', source: 'design' },
  'host.private-files': { says: 'Files of the host are 0600, its directories 0700.', source: 'design' },
  'host.hostile-values': {
    says: 'Thread keys, paths, environment and command are quoted once, and hostile values are harmless.',
    source: 'design',
  },
  'host.notes': {
    says: 'Notes are kept beyond the bridge; that of a thread is kept beyond the agent and the microVM.',
    source: 'design',
  },
  'host.free': {
    says: 'The disk under acknowledged bytes is freed in the microVM, and no other.',
    source: 'issue',
  },
  'host.keep': {
    says: 'What the agent remembers is saved whole to the persistent mount, and restored in a new microVM.',
    source: 'design',
  },
  'host.shared-mounts': {
    says: 'What the agent remembers is saved on /mnt/workspace, on the mount of the working directory or where --persist-to says, and on no other mount.',
    source: 'issue',
  },
  'host.save-failures': {
    says: 'A save that failed is reported once in the log, and once to the user with the next prompt.',
    source: 'issue',
  },
  'host.busy': {
    says: 'A file in the microVM shows whether a turn is open, since when, and when the agent last wrote something.',
    source: 'issue',
  },
  'host.storage-room': {
    says: 'A save writes only what has changed, and session storage never holds two copies of everything.',
    source: 'issue',
  },
  'host.late-storage': {
    says: 'An agent is not started before the session storage of its microVM is mounted; the wait is bounded.',
    source: 'issue',
  },
  'host.poor-environment': {
    says: 'If /proc/1/environ cannot be read, the environment comes from a process of the user, or a file of the image.',
    source: 'issue',
  },
  // ACP
  'acp.transparent': {
    says: 'Messages are passed on byte for byte, in both directions, except ids and names: 2^63-1, 1.0, unknown fields, _meta.',
    source: 'ACP',
  },
  'acp.ids': {
    says: 'Request ids are renumbered in both directions as integers below 2^53, and returned exactly as they came.',
    source: 'ACP',
  },
  'acp.cancel-request': {
    says: '$/cancel_request and other params.requestId name the renumbered request.',
    source: 'ACP',
  },
  'acp.one-answer': { says: 'Every request gets exactly one answer, whatever fails.', source: 'design' },
  'acp.stale-answers': { says: 'Answers to requests that are not open are dropped.', source: 'design' },
  'acp.parse-error': {
    says: 'A line that is not JSON is answered with -32700, one that is no message with -32600; the stream continues.',
    source: 'ACP',
  },
  'acp.peer-parse-errors': { says: 'Errors of the agent without an id are not passed on.', source: 'ACP' },
  'acp.initialize': {
    says: "initialize comes from the agent; the client's fs, terminal and logins in a terminal are removed.",
    source: 'design',
  },
  'acp.cwd': { says: 'cwd is replaced by a directory that exists in the microVM.', source: 'design' },
  'acp.mcp-stdio': {
    says: 'MCP servers given as a local command are dropped with a warning; http and sse ones are passed on.',
    source: 'design',
  },
  'acp.session-ids': {
    says: 'Session ids are exchanged wherever they are, but not in text, if each session has an agent of its own; a subagent’s id leads to its agent.',
    source: 'ACP',
  },
  'acp.sender-context': {
    says: 'The sender’s context in the first prompt selects the thread; session/new is answered before.',
    source: 'openab',
  },
  'openab.contract': {
    says: 'openab works as a client: cleared environment, integer ids, its limits, SIGTERM before SIGKILL, config options, permissions, restarts, ten threads.',
    source: 'openab',
  },
  'acp.session-list': {
    says: 'session/list has the sessions of all microVMs with the client’s ids and directories, within a second, and wakes none.',
    source: 'ACP',
  },
  'acp.session-close': { says: 'One session is closed or deleted without the others.', source: 'ACP' },
  'acp.version-2': { says: 'With protocol version 2 an open turn does not count as idle.', source: 'ACP' },
  'cli.on-exit': {
    says: '--on-exit stop ends the microVMs within the second that is left; detach leaves them.',
    source: 'issue',
  },
  'cli.presets': {
    says: '--agent selects command, environment and saved paths; the README says the same.',
    source: 'issue',
  },
  'aws.stop': {
    says: 'StopRuntimeSession is signed, and retried until there is no time left.',
    source: 'AWS',
  },
  'acp.many-sessions': {
    says: 'One process serves any number of sessions, and no message gets to another session.',
    source: 'issue',
  },
  'acp.initialize-in-time': {
    says: 'initialize is answered by the agent, or in time by the bridge; a running agent is not initialized twice.',
    source: 'issue',
  },
  'acp.load': {
    says: 'A session is found again from any host: reattached, resumed, loaded, or started without history, with a visible sentence.',
    source: 'issue',
  },
  'acp.frugal': {
    says: 'A microVM that is not needed is ended, and none is begun or woken for requests that need none.',
    source: 'issue',
  },
  'acp.rest': {
    says: 'What the service or an operator ends while nothing is open is not brought back until somebody speaks; an open turn is attached again at once.',
    source: 'issue',
  },
  'acp.login': {
    says: 'authenticate and logout reach all running agents, also those that start later.',
    source: 'issue',
  },
  'acp.not-found': { says: 'A session that can’t be found is -32002.', source: 'ACP' },
  'acp.replay': {
    says: 'The client gets no history of a session that it has seen, unless it asks for it.',
    source: 'ACP',
  },
  'acp.heal': {
    says: 'When an agent ends unexpectedly the client gets an error, and the next prompt works, with its history.',
    source: 'design',
  },
  'acp.cancel-strategy': {
    says: 'A cancelled turn ends within the grace, and no output of it gets into the next turn.',
    source: 'issue',
  },
  'acp.idle': {
    says: 'With nothing open the shell is let go of after a while, and the next message attaches again.',
    source: 'issue',
  },
  'acp.progress': {
    says: 'A user who waits for a microVM is told so after 3 s, unless that is turned off.',
    source: 'issue',
  },
  'acp.cancel-overtakes': { says: 'session/cancel is never queued behind other messages.', source: 'openab' },
  'acp.agent-requests': {
    says: 'Requests of the agent reach the client and its answers reach the agent; when the agent ends they are cancelled.',
    source: 'openab',
  },
  'acp.oversized': {
    says: 'A line over the limit (stated, configurable) is refused without being held in memory.',
    source: 'issue',
  },
  'acp.large': {
    says: 'A prompt of 8 MB, an answer of 5 MB and 20,000 updates arrive whole and in order.',
    source: 'issue',
  },
  'acp.split-characters': { says: 'Characters split over 1-byte frames arrive whole.', source: 'issue' },
  // The process
  'cli.contract': {
    says: 'Flags override variables; wrong options give one line and exit code 2.',
    source: 'issue',
  },
  'cli.stdout': { says: 'stdout has only ACP messages.', source: 'design' },
  'cli.leaves': { says: 'The bridge ends within 1 s of EOF or SIGTERM; the agent goes on.', source: 'issue' },
  'cli.exit-codes': {
    says: "Exit codes: 0 end, 2 usage, and one each for refused, unreachable, replaced, agent can't start.",
    source: 'issue',
  },
  'cli.bad-input': { says: 'Each bad input gets one clear line and no stack.', source: 'issue' },
  'cli.slow-reader': {
    says: 'A client that stops reading costs bounded memory and loses no message.',
    source: 'issue',
  },
  'cli.no-secrets': {
    says: 'No credential, signature or prompt text in any log at any level.',
    source: 'issue',
  },
  'cli.environment': {
    says: 'The bridge runs in the cleared environment that a chat bot gives it.',
    source: 'openab',
  },
  'cli.old-node': {
    says: 'Started by a Node that is too old, the bridge says which version it needs.',
    source: 'issue',
  },
  'cli.ids': {
    says: 'ids prints the runtimeSessionId and the shellId of a thread: 33 to 100 characters of [A-Za-z0-9_-], a letter first.',
    source: 'design',
  },
  // The local AgentCore
  'local.sigv4': {
    says: 'Header and presigned signatures are verified by a separate canonicalization; a Host without its port or sent twice is accepted.',
    source: 'AWS',
  },
  'local.bearer': { says: 'Bearer subprotocols and the Authorization header are accepted.', source: 'AWS' },
  'local.tls': {
    says: 'TLS has an authority of its own, and the host names of --host-name.',
    source: 'issue',
  },
  'local.shell': {
    says: 'A shell is real bash in a real PTY: resize, heartbeat, exit status, 0xFF.',
    source: 'AWS',
  },
  'local.reattach': {
    says: 'Reattaching replays up to 256 KB, under either reading; 4000 goes to the client that was replaced.',
    source: 'AWS',
  },
  'local.limits': {
    says: '1003, 1008 for rate and age, 1009, the shell limit, 409, 424 and 429 are as in the service.',
    source: 'AWS',
  },
  'local.microvm': {
    says: 'A microVM has its own /tmp, HOME, processes and environment; /mnt/workspace survives eviction, nothing else does.',
    source: 'issue',
  },
  'local.stop': {
    says: 'StopRuntimeSession and the idle timeout end everything in a microVM; the same token gets the same answer.',
    source: 'AWS',
  },
  'local.official-client': {
    says: "AWS's own clients work with it: openShell, reattach, exit code, StopRuntimeSession.",
    source: 'issue',
  },
  'interop.acp-sdk': { says: "The ACP SDK's client works with the bridge.", source: 'issue' },
} as const satisfies Record<string, Requirement>;

export type RequirementId = keyof typeof requirements;

/** The title of a test that verifies one or more requirements: `verifies('acp.ids', 'a string id comes back as it was')`. */
export function verifies(ids: RequirementId | readonly RequirementId[], behaviour: string): string {
  return `${behaviour} ${[ids]
    .flat()
    .map((id) => `[${id}]`)
    .join(' ')}`;
}
