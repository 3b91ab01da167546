/**
 * Lines that carry the offset of their bytes, so that bytes which are lost, doubled, delayed or cut on the way are
 * noticed.
 *
 * ```
 * OFFSET LENGTH:PAYLOAD#CHECK    a line, or the last piece of one
 * OFFSET LENGTH+PAYLOAD#CHECK    a piece that the next one continues
 * OFFSET LENGTH!PAYLOAD#CHECK    a line of the agent host, in the output of an agent
 * ```
 *
 * OFFSET is in bytes and decimal. Towards the agent it counts the bytes of the lines as the agent reads them (a newline
 * stands behind each last piece); from the agent, the bytes of the numbered lines themselves. LENGTH is the number of
 * bytes of PAYLOAD, at most {@link maxPayloadBytes}. CHECK is OFFSET + KEY + the sum, modulo 2^32, of PAYLOAD's
 * big-endian 32-bit words, each XORed with the word at its place in a fixed sequence; the last word is filled up with
 * zeros. Where the image has no perl, `@` and OFFSET + KEY stand in the place of `#` and CHECK. That tells pieces and
 * their ends apart, but does not find a piece that lost some bytes and doubled as many others.
 *
 * KEY identifies the stream: input of an earlier attach, or output of another epoch, has another key.
 */
export const maxPayloadBytes = 8192;

/** Payload, offset of 15 digits, length of 4, check of 16, and the marks. */
export const maxPieceBytes = maxPayloadBytes + 40;

/** The program that checks the lines in the microVM. */
export type Engine = 'perl' | 'awk';

/** One piece, decoded. */
export interface Piece {
  readonly offset: number;
  /** A view on the decoded line. */
  readonly payload: Uint8Array;
  readonly kind: PieceKind;
}

/** `more`: the next piece continues it. `last`: the line ends with it. `host`: a line of the agent host. */
export type PieceKind = 'more' | 'last' | 'host';

/**
 * Writes a piece into `target` from `at` on, newline included, and returns the offset behind it. `target` needs room
 * for {@link maxPieceBytes}.
 */
export function encodePiece(
  target: Buffer,
  at: number,
  piece: Piece,
  { key, engine }: { readonly key: number; readonly engine: Engine },
): number {
  const { offset, payload, kind } = piece;
  let end = at + target.write(`${offset} ${payload.length}${marks[kind]}`, at, 'latin1');
  target.set(payload, end);
  end += payload.length;
  const check =
    engine === 'perl' ? `#${checksum(offset + key, payload, 0, payload.length)}\n` : `@${offset + key}\n`;
  return end + target.write(check, end, 'latin1');
}

/**
 * Reads the line (without its newline) that stands from `start` to `end`; undefined for anything but a whole piece of the
 * stream with this key.
 */
export function decodePiece(
  bytes: Uint8Array,
  key: number,
  start = 0,
  end = bytes.length,
): Piece | undefined {
  const space = endOfNumber(bytes, start, Math.min(end, start + maxOffsetDigits));
  if (space === start || bytes[space] !== 0x20) return undefined;
  const mark = endOfNumber(bytes, space + 1, Math.min(end, space + 1 + maxLengthDigits));
  if (mark === space + 1 || mark >= end) return undefined;
  const kind = kindOf(bytes[mark]);
  const from = mark + 1;
  const to = from + numberAt(bytes, space + 1, mark);
  if (kind === undefined || to >= end) return undefined;
  const checkEnd = endOfNumber(bytes, to + 1, Math.min(end, to + 2 + maxOffsetDigits));
  if (checkEnd !== end || checkEnd === to + 1) return undefined;
  const offset = numberAt(bytes, start, space);
  const check = numberAt(bytes, to + 1, end);
  const isRight =
    bytes[to] === 0x23
      ? check === checksum(offset + key, bytes, from, to)
      : bytes[to] === 0x40 && check === offset + key;
  return isRight ? { offset, payload: bytes.subarray(from, to), kind } : undefined;
}

/** The key of an epoch's output: the first seven hexadecimal digits of its name. */
export function outputKey(epoch: string): number {
  return Number.parseInt(epoch.slice(0, 7), 16);
}

const maxOffsetDigits = 15;
const maxLengthDigits = 4;
const digitZero = 0x30;
const marks: Readonly<Record<PieceKind, string>> = { more: '+', last: ':', host: '!' };

function kindOf(mark: number | undefined): PieceKind | undefined {
  if (mark === 0x3a) return 'last';
  if (mark === 0x2b) return 'more';
  return mark === 0x21 ? 'host' : undefined;
}

/**
 * The end of the decimal number at `from`, `limit` at the most: `from` where no number stands. A number that begins with 0
 * ends behind the 0.
 */
function endOfNumber(bytes: Uint8Array, from: number, limit: number): number {
  let end = from;
  while (end < limit && isDigit(bytes[end] as number)) {
    end += 1;
    if (bytes[from] === digitZero) break;
  }
  return end;
}

function isDigit(byte: number): boolean {
  return byte >= digitZero && byte <= 0x39;
}

function numberAt(bytes: Uint8Array, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < end; at += 1) value = value * 10 + (bytes[at] as number) - digitZero;
  return value;
}

/** All output passes here. Bytes are put together by hand, since a `DataView` for each piece takes longer than the sum. */
function checksum(start: number, bytes: Uint8Array, from: number, to: number): number {
  const words = (to - from) >> 2;
  let sum = 0;
  let at = from;
  for (let word = 0; word < words; word += 1, at += 4)
    sum = (sum + (wordAt(bytes, at) ^ (pad[word] as number))) | 0;
  if (at < to) {
    let word = 0;
    for (let shift = 24; at < to; at += 1, shift -= 8) word |= (bytes[at] as number) << shift;
    const mask = ~0 << (32 - 8 * ((to - from) & 3));
    sum = (sum + (word ^ ((pad[words] as number) & mask))) | 0;
  }
  return (start + (sum >>> 0)) % 0x1_0000_0000;
}

/** The big-endian 32-bit word at `at`, which is within the bytes. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** The sequence that payloads are XORed with: the generator of Numerical Recipes, from 1. */
const pad = ((): Int32Array => {
  const words = new Int32Array(maxPayloadBytes / 4);
  let x = 1;
  for (let at = 0; at < words.length; at += 1) {
    words[at] = x;
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
  }
  return words;
})();
