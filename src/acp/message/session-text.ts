import {
  endOfString,
  quote,
  skipSpace,
  type Span,
  stringAt,
  type StringPlace,
  visitStrings,
} from './json-scanner.ts';
import { replacing } from './json-text.ts';
import { type Edit, splice } from './splice.ts';

/**
 * Edits that exchange session ids in the valid value at `within`: a JSON string that equals a key of `names` becomes
 * that key's value, if it is a session id. It is one if the name of its member says so. Agents also put ids in places
 * that no schema names, so an id that is too long to be anything else is exchanged everywhere, in keys as well. Text of
 * users, agents and programs is never changed.
 */
export function exchanged(
  line: Uint8Array,
  within: Span | undefined,
  names: ReadonlyMap<string, string>,
): Edit[] {
  if (within === undefined || names.size === 0 || !mayHoldOne(line, within, names)) return [];
  const edits: Edit[] = [];
  visitStrings(line, within, (string) => {
    const id = stringAt(line, string.span);
    const name = id === undefined ? undefined : names.get(id);
    if (id === undefined || name === undefined || !isId(line, id, string)) return;
    edits.push(replacing(string.span, JSON.stringify(name)));
  });
  return edits;
}

/**
 * The line with `own` edits applied and, where they change nothing, session ids exchanged as by {@link exchanged}. A copy,
 * or the line itself where nothing changes.
 */
export function renamed(
  line: Uint8Array,
  within: Span | undefined,
  names: ReadonlyMap<string, string>,
  own: readonly Edit[] = [],
): Uint8Array {
  const edits = [...own, ...beside(exchanged(line, within, names), own)];
  return edits.length === 0 ? line : splice(line, edits);
}

/**
 * Those of `edits` that do not overlap with `others`: an id in a value that is removed or replaced needs no exchange.
 */
export function beside(edits: readonly Edit[], others: readonly Edit[]): Edit[] {
  return edits.filter(({ span }) =>
    others.every((other) => span.end <= other.span.start || span.start >= other.span.end),
  );
}

/** The values of all members whose name ends in `sessionId`, at any depth of the valid value at `within`. */
export function sessionIdsIn(line: Uint8Array, within: Span | undefined): string[] {
  if (within === undefined) return [];
  const text = asBuffer(line);
  const ids: string[] = [];
  for (
    let at = nextKeyEnding(text, within.start);
    at >= 0 && at < within.end;
    at = nextKeyEnding(text, at + 1)
  ) {
    const colonAt = skipSpace(line, at + keyEnding.length);
    const start = skipSpace(line, colonAt + 1);
    if (line[colonAt] !== colon || line[start] !== quote) continue;
    const id = stringAt(line, { start, end: endOfString(line, start) });
    if (id !== undefined) ids.push(id);
  }
  return ids;
}

function isId(line: Uint8Array, id: string, { keys, isKey }: StringPlace): boolean {
  const members = keys.map((key) => stringAt(line, key)).filter((member) => member !== undefined);
  if (members.some((member) => writings.has(member))) return false;
  return id.length >= unmistakableLength || (!isKey && idName.test(members.at(-1) ?? ''));
}

/** Members that hold text of a user, an agent or a program. */
const writings: ReadonlySet<string> = new Set([
  'prompt',
  'content',
  'text',
  'output',
  'rawInput',
  'rawOutput',
]);

/** `sessionId`, `childSessionId`, `session_id`, and lists of them. */
const idName = /session_?ids?$/i;

/** In UTF-16 code units. Longer ids are made of random numbers: a UUID has 36. */
const unmistakableLength = 16;

/**
 * Where {@link keyEnding} stands next, from `from` on. Its capital is rare in most text, and the search for a single byte is three
 * times as fast as that for several: so that is tried first, a few times.
 */
function nextKeyEnding(text: Buffer, from: number): number {
  let at = from + capitalAt;
  for (let tries = 0; tries < capitalTries; tries += 1) {
    at = text.indexOf(capital, at);
    if (at < 0) return -1;
    // The quote behind it tells most others apart.
    if (
      text[at + 2] === quote &&
      text.compare(keyEnding, 0, keyEnding.length, at - capitalAt, at + 3) === 0
    ) {
      return at - capitalAt;
    }
    at += 1;
  }
  return text.indexOf(keyEnding, at - capitalAt);
}

const keyEnding = Buffer.from('essionId"');
const capital = 0x49;
const capitalAt = keyEnding.indexOf(capital);
const capitalTries = 8;
const colon = 0x3a;

/** Whether the value has to be walked: searching the text for the ids is much faster than looking at each string. */
function mayHoldOne(line: Uint8Array, within: Span, names: ReadonlyMap<string, string>): boolean {
  if (names.size > maxSearches) return true;
  const text = asBuffer(line).subarray(within.start, within.end);
  for (const name of names.keys()) {
    const written = asWritten(name);
    if (written === undefined || text.includes(written)) return true;
  }
  // An id may be escaped: some printers escape more than necessary.
  return text.includes(unicodeEscape);
}

/** The name as JSON text, if it can be written without `\\u` in one way only; else undefined. */
function asWritten(name: string): Buffer | undefined {
  let written = searches.get(name);
  if (written === undefined) {
    if (!/^[\w .:@+=-]{0,256}$/.test(name)) return undefined;
    written = Buffer.from(JSON.stringify(name));
    if (searches.size >= maxSearches) searches.clear();
    searches.set(name, written);
  }
  return written;
}

/** The names of the latest searches, as JSON text. */
const searches = new Map<string, Buffer>();
const unicodeEscape = Buffer.from('\\u');

/** This many searches take no longer than looking at each string. No agent is expected to have more sessions. */
const maxSearches = 16;

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
