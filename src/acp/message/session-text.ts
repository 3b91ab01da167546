import { endOfString, skipSpace, type Span, stringAt, quote } from './json-scanner.ts';
import { replacing } from './json-text.ts';
import { type Edit, splice } from './splice.ts';

/**
 * Edits that exchange session ids: every JSON string within the valid value at `within` that equals a key of `names`
 * becomes its value, wherever it stands, since agents put ids in places that no schema names.
 */
export function exchanged(
  line: Uint8Array,
  within: Span | undefined,
  names: ReadonlyMap<string, string>,
): Edit[] {
  if (within === undefined || names.size === 0 || !mayHoldOne(line, within, names)) return [];
  return strings(line, within).flatMap((span) => {
    const name = names.get(stringAt(line, span) ?? '');
    return name === undefined ? [] : [replacing(span, JSON.stringify(name))];
  });
}

/** A copy of the line with its own edits applied, and beside them the session ids exchanged, as {@link exchanged} does. */
export function renamed(
  line: Uint8Array,
  within: Span | undefined,
  names: ReadonlyMap<string, string>,
  own: readonly Edit[] = [],
): Uint8Array {
  return splice(line, [...own, ...beside(exchanged(line, within, names), own)]);
}

/** Those of `edits` that touch nothing that `others` change: an id that goes with what it stands in needs no exchange. */
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
    let at = text.indexOf(keyEnding, within.start);
    at >= 0 && at < within.end;
    at = text.indexOf(keyEnding, at + 1)
  ) {
    const colonAt = skipSpace(line, at + keyEnding.length);
    const start = skipSpace(line, colonAt + 1);
    if (line[colonAt] !== colon || line[start] !== quote) continue;
    const id = stringAt(line, { start, end: endOfString(line, start) });
    if (id !== undefined) ids.push(id);
  }
  return ids;
}

const keyEnding = Buffer.from('essionId"');
const colon = 0x3a;

/** Whether a look at each string is worth it: the search for the ids as they are usually written is much faster. */
function mayHoldOne(line: Uint8Array, within: Span, names: ReadonlyMap<string, string>): boolean {
  if (names.size > maxSearches) return true;
  const text = asBuffer(line).subarray(within.start, within.end);
  for (const name of names.keys()) {
    if (!/^[\w .:@+=-]*$/.test(name) || text.includes(JSON.stringify(name))) return true;
  }
  // The other way to write such a name. Some printers escape more than they must.
  return text.includes('\\u');
}

/** So many searches take no longer than to look at each string, and no agent has so many sessions. */
const maxSearches = 16;

/** All strings of the valid value, keys included, in order. */
function strings(line: Uint8Array, within: Span): Span[] {
  const text = asBuffer(line);
  const found: Span[] = [];
  for (let start = text.indexOf(quote, within.start); start >= 0 && start < within.end;) {
    const end = endOfString(line, start);
    found.push({ start, end });
    start = text.indexOf(quote, end);
  }
  return found;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
