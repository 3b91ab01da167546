import { memberOf, members, openBrace, type Span, whole } from '../../message/json-scanner.ts';
import { encodeText, isObject, replacing, textAt } from '../../message/json-text.ts';
import { type Edit, removeMembers, splice } from '../../message/splice.ts';

/** What the bridge reads in an agent's answer to `initialize`. */
export interface AgentInfo {
  readonly protocolVersion: number;
  readonly canLoad: boolean;
  readonly canResume: boolean;
  readonly canList: boolean;
}

/** @param result the `result` of `initialize`, as JSON text; malformed members count as not offered */
export function agentInfo(result: string): AgentInfo {
  const answer = object(JSON.parse(result));
  const protocolVersion = typeof answer['protocolVersion'] === 'number' ? answer['protocolVersion'] : 1;
  if (protocolVersion >= 2) {
    // From version 2 on, an agent that has sessions can list and resume them, and none loads them.
    const isOffered = object(answer['capabilities'])['session'] instanceof Object;
    return { protocolVersion, canLoad: false, canResume: isOffered, canList: isOffered };
  }
  const capabilities = object(answer['agentCapabilities']);
  const sessions = object(capabilities['sessionCapabilities']);
  return {
    protocolVersion,
    canLoad: capabilities['loadSession'] === true,
    canResume: sessions['resume'] instanceof Object,
    canList: sessions['list'] instanceof Object,
  };
}

/**
 * An answer to `initialize`, as JSON text, changed to offer `session/load`: for clients whose sessions the bridge
 * itself finds again, whatever the agent offers. Unchanged from version 2 on, which has no `session/load`.
 */
export function offeringLoad(result: string): string {
  const line = encodeText(result);
  if (memberOf(line, whole(line), 'capabilities') !== undefined) return result;
  return textAt(splice(line, withMember(line, whole(line), ['agentCapabilities', 'loadSession'], 'true')));
}

/**
 * An answer to `initialize`, as JSON text, changed not to offer `session/list`. Unchanged from version 2 on, which
 * requires it.
 */
export function withoutList(result: string): string {
  const line = encodeText(result);
  const capabilities = memberOf(line, whole(line), 'agentCapabilities');
  const sessions = memberOf(line, capabilities, 'sessionCapabilities');
  return sessions === undefined ? result : textAt(splice(line, removeMembers(line, sessions, ['list'])));
}

/**
 * Edits that set an object's member at a path of names to a value, which is JSON text. Objects that are missing on the
 * path are made; other values there are replaced by objects.
 */
function withMember(
  line: Uint8Array,
  object: Span,
  [name = '', ...rest]: readonly string[],
  text: string,
): Edit[] {
  const all = members(line, object);
  const same = all.filter((member) => member.name === name);
  const value = rest.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, text);
  if (same.length === 0) {
    const inside = { start: object.start + 1, end: object.start + 1 };
    return [replacing(inside, `${JSON.stringify(name)}:${value}${all.length > 0 ? ',' : ''}`)];
  }
  return same.flatMap((member) =>
    rest.length > 0 && line[member.value.start] === openBrace
      ? withMember(line, member.value, rest, text)
      : [replacing(member.value, value)],
  );
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}
