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

/** @param result The `result` of `initialize`, as JSON text. What is not as it should be counts as not offered. */
export function agentInfo(result: string): AgentInfo {
  const answer = object(JSON.parse(result));
  const protocolVersion = typeof answer['protocolVersion'] === 'number' ? answer['protocolVersion'] : 1;
  if (protocolVersion >= 2) {
    // From version 2 on, whoever has sessions at all lists and resumes them, and nobody loads them.
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
 * An answer to `initialize`, as JSON text, that offers `session/load`: for clients whose sessions the bridge finds again
 * itself, whatever the agent can. From version 2 on nobody loads.
 */
export function offeringLoad(result: string): string {
  const line = encodeText(result);
  if (memberOf(line, whole(line), 'capabilities') !== undefined) return result;
  return textAt(splice(line, withMember(line, whole(line), ['agentCapabilities', 'loadSession'], 'true')));
}

/** An answer to `initialize`, as JSON text, that does not offer `session/list`. From version 2 on it can't be left out. */
export function withoutList(result: string): string {
  const line = encodeText(result);
  const capabilities = memberOf(line, whole(line), 'agentCapabilities');
  const sessions = memberOf(line, capabilities, 'sessionCapabilities');
  return sessions === undefined ? result : textAt(splice(line, removeMembers(line, sessions, ['list'])));
}

/**
 * Edits that give an object's member, at the end of a path of names, this value: JSON text. What is on the way and is no
 * object, or is not there, becomes one.
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
