import { isUtf8 } from 'node:buffer';
import { endOfValue, none, openBrace, scanObject, skipSpace, type Span } from './json-scanner.ts';

/** What stands at the top of a line, as spans of the values. Of doubled members the last counts, as in `JSON.parse`. */
export interface Envelope {
  /** Whether the line is one JSON value in valid UTF-8 without a byte order mark. */
  readonly is: 'object' | 'other-json' | 'not-json';
  /** Of a line that is not JSON, those before the fault. */
  readonly members: Readonly<Partial<Record<EnvelopeMember, Span>>>;
  /** The member whose value a line that is not JSON breaks off in, if it is one of these. */
  readonly brokenMember: EnvelopeMember | undefined;
}

export type EnvelopeMember = 'id' | 'method' | 'params' | 'result' | 'error';

/**
 * Finds the members of a message in one pass, without parsing their values; agrees with `JSON.parse` on what is valid,
 * at any depth. Of a line that is faulty or cut off it tells what it can, so that the request it belongs to may be found.
 */
export function readEnvelope(line: Uint8Array): Envelope {
  const members: Partial<Record<EnvelopeMember, Span>> = {};
  let brokenMember: EnvelopeMember | undefined;
  const start = skipSpace(line, 0);
  const isObject = line[start] === openBrace;
  const end = isObject
    ? scanObject(line, start, ({ name, value }) => {
        if (!isEnvelopeMember(name)) return;
        // A number that the line ends in may have gone on.
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
