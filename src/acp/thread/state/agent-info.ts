import { memberOf, members, openBrace, whole } from '../../message/json-scanner.ts';
import { encodeText, isObject, replacing, textAt } from '../../message/json-text.ts';
import { splice } from '../../message/splice.ts';

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
 * itself, whatever the agent can.
 */
export function offeringLoad(result: string): string {
  const line = encodeText(result);
  const capabilities = memberOf(line, whole(line), 'agentCapabilities');
  if (capabilities === undefined) return result;
  const all = members(line, capabilities);
  const edits = all.filter(({ name }) => name === 'loadSession').map(({ value }) => replacing(value, 'true'));
  if (edits.length === 0 && line[capabilities.start] === openBrace) {
    const inside = { start: capabilities.start + 1, end: capabilities.start + 1 };
    edits.push(replacing(inside, `"loadSession":true${all.length > 0 ? ',' : ''}`));
  }
  return textAt(splice(line, edits));
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}
