/** A range of bytes in a line: `start` is the first byte, `end` the one behind the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The whole line. */
export function whole(line: Uint8Array): Span {
  return { start: 0, end: line.length };
}

/**
 * Offset behind the JSON value that begins at `start`; {@link none} if there is none, or it is cut off. Accepts what
 * `JSON.parse` accepts, given valid UTF-8. Nesting costs one byte a level, and no call stack.
 */
export function endOfValue(bytes: Uint8Array, start: number): number {
  let closers = fewClosers;
  let depth = 0;
  let at = start;
  for (;;) {
    const opener = bytes[at];
    if (opener === openBrace || opener === openBracket) {
      const closer = opener + 2;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== closer) {
        if (depth === closers.length) closers = grown(closers);
        closers[depth] = closer;
        depth += 1;
        if (closer === closeBrace) at = startOfMemberValue(bytes, at);
        if (at === none) return none;
        continue;
      }
      at += 1;
    } else {
      at = endOfScalar(bytes, at);
      if (at === none) return none;
    }
    // A value has ended. The containers around it may end here, too.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at);
      const closer = closers[depth - 1];
      if (bytes[at] === comma) {
        at = skipSpace(bytes, at + 1);
        if (closer === closeBrace) at = startOfMemberValue(bytes, at);
        if (at === none) return none;
        break;
      }
      if (bytes[at] !== closer) return none;
      depth -= 1;
      at += 1;
    }
  }
}

/** A member that {@link scanObject} found: its decoded name, where its key begins, and its value. */
export interface Member {
  readonly name: string;
  readonly keyStart: number;
  /** `end` is {@link none} if the value is malformed or cut off; then this member is the last. */
  readonly value: Span;
}

/**
 * Visits the members of the object that begins at `start`, in order, duplicates included. Returns the offset behind the
 * object, or {@link none} if it is malformed or cut off; the members before the fault were visited then.
 */
export function scanObject(bytes: Uint8Array, start: number, visit: (member: Member) => void): number {
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === closeBrace) return at + 1;
  for (;;) {
    const keyStart = at;
    const keyEnd = bytes[at] === quote ? endOfString(bytes, at) : none;
    const valueStart = keyEnd === none ? none : startOfValueBehind(bytes, keyEnd);
    if (valueStart === none) return none;
    const end = endOfValue(bytes, valueStart);
    const name = decodeString(bytes, keyStart, keyEnd);
    visit({ name, keyStart, value: { start: valueStart, end } });
    if (end === none) return none;
    at = skipSpace(bytes, end);
    if (bytes[at] === closeBrace) return at + 1;
    if (bytes[at] !== comma) return none;
    at = skipSpace(bytes, at + 1);
  }
}

/** The members of the valid value at `span`, in order, duplicates included; none if it is no object. */
export function members(bytes: Uint8Array, span: Span): Member[] {
  const found: Member[] = [];
  if (bytes[span.start] === openBrace) scanObject(bytes, span.start, (member) => found.push(member));
  return found;
}

/** The value of the member with this name in the valid value at `span`; of duplicates the last, as in `JSON.parse`. */
export function memberOf(bytes: Uint8Array, span: Span | undefined, name: string): Span | undefined {
  let value: Span | undefined;
  if (span === undefined || bytes[span.start] !== openBrace) return undefined;
  scanObject(bytes, span.start, (member) => {
    if (member.name === name) ({ value } = member);
  });
  return value;
}

/** The elements of the valid value at `span`; none if it is no array. */
export function elements(bytes: Uint8Array, span: Span): Span[] {
  const found: Span[] = [];
  if (bytes[span.start] !== openBracket) return found;
  let at = skipSpace(bytes, span.start + 1);
  while (bytes[at] !== closeBracket) {
    const end = endOfValue(bytes, at);
    found.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === comma) at = skipSpace(bytes, at + 1);
  }
  return found;
}

/** The text of the valid string at `span`; undefined if the value there is no string. */
export function stringAt(bytes: Uint8Array, span: Span | undefined): string | undefined {
  return span !== undefined && bytes[span.start] === quote
    ? decodeString(bytes, span.start, span.end)
    : undefined;
}

/** The position of a string in a value. */
export interface StringPlace {
  readonly span: Span;
  /**
   * For each container around the string, outermost first: the key of the member that leads to it; undefined for an
   * array.
   */
  readonly keys: readonly (Span | undefined)[];
  /** Whether the string is the key of a member itself; then `keys` has none for the innermost object. */
  readonly isKey: boolean;
}

/**
 * Visits all strings of the valid value at `span`, keys included, in order. A place is valid until the visit returns.
 */
export function visitStrings(bytes: Uint8Array, span: Span, visit: (place: StringPlace) => void): void {
  const keys: (Span | undefined)[] = [];
  let at = span.start;
  while (at < span.end) {
    const byte = bytes[at];
    if (byte !== quote) {
      if (byte === openBrace || byte === openBracket) keys.push(undefined);
      else if (byte === closeBrace || byte === closeBracket) keys.pop();
      at += 1;
      continue;
    }
    const string = { start: at, end: endOfString(bytes, at) };
    at = skipSpace(bytes, string.end);
    const isKey = at < span.end && bytes[at] === colon;
    if (isKey) keys[keys.length - 1] = undefined;
    visit({ span: string, keys, isKey });
    if (isKey) keys[keys.length - 1] = string;
  }
}

/** The first offset from `at` on that holds no JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let byte = bytes[at];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
    at += 1;
    byte = bytes[at];
  }
  return at;
}

/** Returned instead of an offset where there is none. */
export const none = -1;

export const openBrace = 0x7b;
export const quote = 0x22;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const minus = 0x2d;
const plus = 0x2b;
const dot = 0x2e;
const digitZero = 0x30;
const digitNine = 0x39;

/**
 * Brackets that close the containers around the current position. Shared by all calls, since only one value is scanned
 * at a time.
 */
const fewClosers = new Uint8Array(64);

function grown(closers: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(closers.length * 2);
  larger.set(closers);
  return larger;
}

/** Offset of the value of the member whose key is at `at`. */
function startOfMemberValue(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== quote) return none;
  const keyEnd = endOfString(bytes, at);
  return keyEnd === none ? none : startOfValueBehind(bytes, keyEnd);
}

function startOfValueBehind(bytes: Uint8Array, keyEnd: number): number {
  const colonAt = skipSpace(bytes, keyEnd);
  return bytes[colonAt] === colon ? skipSpace(bytes, colonAt + 1) : none;
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === quote) return endOfString(bytes, at);
  if (first === literals.true[0]) return endOfLiteral(bytes, at, literals.true);
  if (first === literals.false[0]) return endOfLiteral(bytes, at, literals.false);
  if (first === literals.null[0]) return endOfLiteral(bytes, at, literals.null);
  return endOfNumber(bytes, at);
}

/** Offset behind the string whose quote is at `start`; {@link none} if it is faulty or cut off. */
export function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  for (;;) {
    at = endOfPlain(bytes, at);
    if (bytes[at] === quote) return at + 1;
    // Otherwise the string is cut off, or holds a control character, which JSON requires to be escaped.
    if (bytes[at] !== backslash) return none;
    at = endOfEscape(bytes, at);
    if (at === none) return none;
  }
}

/** Most bytes of large messages pass here. Being a function of its own, using a table and taking eight bytes a step each make it much faster. */
function endOfPlain(bytes: Uint8Array, start: number): number {
  const { length } = bytes;
  let at = start;
  for (let end = at + 8; end <= length && isPlain8(bytes, at); end += 8) at = end;
  while (at < length && isPlain[bytes[at] as number] === 1) at += 1;
  return at;
}

/** Whether the eight bytes from `at` on are plain. They must be within the line. */
function isPlain8(bytes: Uint8Array, at: number): boolean {
  return (
    ((isPlain[bytes[at] as number] as number) &
      (isPlain[bytes[at + 1] as number] as number) &
      (isPlain[bytes[at + 2] as number] as number) &
      (isPlain[bytes[at + 3] as number] as number) &
      (isPlain[bytes[at + 4] as number] as number) &
      (isPlain[bytes[at + 5] as number] as number) &
      (isPlain[bytes[at + 6] as number] as number) &
      (isPlain[bytes[at + 7] as number] as number)) ===
    1
  );
}

function endOfEscape(bytes: Uint8Array, at: number): number {
  const kind = bytes[at + 1];
  if (kind === undefined) return none;
  if (kind !== unicodeEscape) return isShortEscape[kind] === 1 ? at + 2 : none;
  for (let digit = at + 2; digit < at + 6; digit += 1) {
    if (!isHexDigit(bytes[digit])) return none;
  }
  return at + 6;
}

const unicodeEscape = 0x75;
// Indexed by byte.
const isPlain = new Uint8Array(256).fill(1, 0x20);
isPlain[quote] = 0;
isPlain[backslash] = 0;
const isShortEscape = new Uint8Array(256);
for (const byte of new TextEncoder().encode('"\\/bfnrt')) isShortEscape[byte] = 1;

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lowerCase = byte | 0x20;
  return isDigit(byte) || (lowerCase >= 0x61 && lowerCase <= 0x66);
}

const literals = {
  true: new TextEncoder().encode('true'),
  false: new TextEncoder().encode('false'),
  null: new TextEncoder().encode('null'),
} as const;

function endOfLiteral(bytes: Uint8Array, at: number, literal: Uint8Array): number {
  for (let index = 1; index < literal.length; index += 1) {
    if (bytes[at + index] !== literal[index]) return none;
  }
  return at + literal.length;
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === minus ? start + 1 : start;
  if (bytes[at] === digitZero) at += 1;
  else at = endOfDigits(bytes, at);
  if (at !== none && bytes[at] === dot) at = endOfDigits(bytes, at + 1);
  // 'e' and 'E'
  if (at !== none && ((bytes[at] ?? 0) | 0x20) === 0x65) {
    const sign = bytes[at + 1];
    at = endOfDigits(bytes, sign === minus || sign === plus ? at + 2 : at + 1);
  }
  return at;
}

/** Offset behind the digits; at least one is required. */
function endOfDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at += 1;
  return at === start ? none : at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= digitZero && byte <= digitNine;
}

/** Decodes a string that was found valid. */
function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const from = start + 1;
  const length = end - 1 - from;
  if (length > maxRemembered) return decoded(bytes.subarray(from, end - 1));
  let hash = length;
  for (let at = from; at < end - 1; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  const place = hash & (places - 1);
  const known = remembered[place];
  if (known !== undefined && isAt(bytes, from, length, known.bytes)) return known.text;
  // A copy, since a remembered view would keep the whole line in memory; `slice` of a Buffer makes no copy.
  const copy = new Uint8Array(bytes.subarray(from, end - 1));
  const text = decoded(copy);
  remembered[place] = { bytes: copy, text };
  return text;
}

function decoded(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

function isAt(bytes: Uint8Array, from: number, length: number, wanted: Uint8Array): boolean {
  if (length !== wanted.length) return false;
  for (let at = 0; at < length; at += 1) if (bytes[from + at] !== wanted[at]) return false;
  return true;
}

/**
 * The last string with each hash, at most 256 of 64 bytes. Names of members and methods, kinds of updates and session ids
 * are in every message, and decoding them takes longer than everything else that is done to a small message.
 */
const places = 256;
const remembered = Array.from<{ readonly bytes: Uint8Array; readonly text: string } | undefined>({
  length: places,
});
const maxRemembered = 64;

// A byte order mark in a string is one of its characters.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
