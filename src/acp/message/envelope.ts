import { isUtf8 } from 'node:buffer';
import { endOfValue, none, openBrace, scanObject, skipSpace, type Span } from './json-scanner.ts';

/** The members at the top of a line, as spans of their values. Of duplicates the last counts, as in `JSON.parse`. */
export interface Envelope {
  /** Whether the line is one JSON value in valid UTF-8 without a byte order mark. */
  readonly is: 'object' | 'other-json' | 'not-json';
  /** In a line that is not JSON, the members before the fault. */
  readonly members: Readonly<Partial<Record<EnvelopeMember, Span>>>;
  /** In a line that is not JSON, the member whose value has the fault or is cut off, if it is one of these. */
  readonly brokenMember: EnvelopeMember | undefined;
}

export type EnvelopeMember = 'id' | 'method' | 'params' | 'result' | 'error';

/**
 * Finds the members of a message in one pass, without parsing their values. Agrees with `JSON.parse` on what is valid,
 * at any depth. Of a line that is malformed or cut off it returns what it found, so that the request may be identified.
 */
export function readEnvelope(line: Uint8Array): Envelope {
  const members: Partial<Record<EnvelopeMember, Span>> = {};
  let brokenMember: EnvelopeMember | undefined;
  const start = skipSpace(line, 0);
  const isObject = line[start] === openBrace;
  const end = isObject
    ? scanObject(line, start, ({ name, value }) => {
        if (!isEnvelopeMember(name)) return;
        // A number at the end of the line may have been cut.
        if (value.end === none || value.end === line.length) brokenMember = name;
        else members[name] = value;
      })
    : endOfValue(line, start);
  const isJson = end !== none && skipSpace(line, end) === line.length && isUtf8(line);
  if (!isJson) return { is: 'not-json', members, brokenMember };
  return { is: isObject ? 'object' : 'other-json', members, brokenMember: undefined };
}

const memberNames: ReadonlySet<string> = new Set<EnvelopeMember>([
  'id',
  'method',
  'params',
  'result',
  'error',
]);

function isEnvelopeMember(name: string): name is EnvelopeMember {
  return memberNames.has(name);
}
