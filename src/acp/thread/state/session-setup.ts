import { memberOf, members, type Span, stringAt } from '../../message/json-scanner.ts';
import { parseObject, textAt } from '../../message/json-text.ts';
import type { Request } from '../../message/message.ts';
import { mappedPath, type RemoteViewOptions } from '../../client/remote-view.ts';

/** The params with which a client opens a session. */
export interface SessionSetup {
  /** The client's directory. */
  readonly localCwd: string | undefined;
  /** The directory in the microVM that `--map` gives for it, if any. */
  readonly remoteCwd: string | undefined;
  /** All other params except the session's id, each as JSON text. */
  readonly rest: Readonly<Record<string, string>>;
}

/** ACP requires `mcpServers`. */
export const bareSetup: SessionSetup = {
  localCwd: undefined,
  remoteCwd: undefined,
  rest: { mcpServers: '[]' },
};

/** @param params those of `session/new`, `session/load` or `session/resume`, in the microVM's terms except for `cwd` */
export function readSetup(
  line: Uint8Array,
  params: Span | undefined,
  remote: Pick<RemoteViewOptions, 'map'>,
): SessionSetup {
  if (params === undefined) return bareSetup;
  const localCwd = stringAt(line, memberOf(line, params, 'cwd'));
  const rest = members(line, params)
    .filter(({ name }) => name !== 'sessionId' && name !== 'cwd')
    .map(({ name, value }) => [name, textAt(line, value)] as const);
  return {
    localCwd,
    remoteCwd: localCwd === undefined ? undefined : mappedPath(localCwd, remote),
    rest: { ...bareSetup.rest, ...Object.fromEntries(rest) },
  };
}

/** Whether a method opens a session that has no id yet. */
export function opensNew(method: string): boolean {
  return method === 'session/new' || method === 'session/fork';
}

/** Whether a request opens a session again that the client knows. */
export function isReopening({ method }: Request): boolean {
  return method === 'session/load' || method === 'session/resume';
}

/** Params, as JSON text, to open a session: a new one if there is no id. */
export function openingParams(setup: SessionSetup, cwd: string, agentId?: string): string {
  const all = {
    ...(agentId === undefined ? {} : { sessionId: JSON.stringify(agentId) }),
    cwd: JSON.stringify(cwd),
    ...setup.rest,
  };
  return `{${Object.entries(all)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    .join(',')}}`;
}

/** The `sessionId` in a result, which is JSON text; undefined if there is none. */
export function sessionIdOf(result: string): string | undefined {
  const sessionId = parseObject(result)?.['sessionId'];
  return typeof sessionId === 'string' ? sessionId : undefined;
}
