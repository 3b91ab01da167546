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
  const check = engine === 'perl' ? `#${checksum(offset + key, payload)}\n` : `@${offset + key}\n`;
  return end + target.write(check, end, 'latin1');
}

/** Reads a line, without its newline. Undefined for anything but a whole piece of the stream with this key. */
export function decodePiece(line: Uint8Array, key: number): Piece | undefined {
  const { value: offset, end: space } = digits(line, 0, maxOffsetDigits);
  if (space === 0 || line[space] !== 0x20) return undefined;
  const { value: length, end: mark } = digits(line, space + 1, 4);
  const kind = kinds[line[mark] ?? 0];
  const from = mark + 1;
  const to = from + length;
  if (mark === space + 1 || kind === undefined || to >= line.length) return undefined;
  const { value: check, end } = digits(line, to + 1, maxOffsetDigits + 1);
  if (end !== line.length || end === to + 1) return undefined;
  const payload = line.subarray(from, to);
  const expected =
    line[to] === 0x23 ? checksum(offset + key, payload) : line[to] === 0x40 ? offset + key : undefined;
  return check === expected ? { offset, payload, kind } : undefined;
}

/** The key of an epoch's output: the first seven hexadecimal digits of its name. */
export function outputKey(epoch: string): number {
  return Number.parseInt(epoch.slice(0, 7), 16);
}

const maxOffsetDigits = 15;
const marks: Readonly<Record<PieceKind, string>> = { more: '+', last: ':', host: '!' };
const kinds: Readonly<Record<number, PieceKind>> = { 0x2b: 'more', 0x3a: 'last', 0x21: 'host' };

/**
 * Reads the decimal number at `from`. A number that begins with 0 ends behind the 0. `end` is `from` where no number
 * stands.
 */
function digits(line: Uint8Array, from: number, most: number): { value: number; end: number } {
  let value = 0;
  let end = from;
  const limit = Math.min(line.length, from + most);
  while (end < limit) {
    const digit = (line[end] ?? 0) - 0x30;
    if (digit < 0 || digit > 9 || (value === 0 && end > from)) break;
    value = value * 10 + digit;
    end += 1;
  }
  return { value, end };
}

function checksum(start: number, payload: Uint8Array): number {
  const { length } = payload;
  const view = new DataView(payload.buffer, payload.byteOffset, length);
  const whole = length & ~3;
  let sum = 0;
  for (let at = 0; at < whole; at += 4) sum = (sum + (view.getUint32(at) ^ (pad[at >> 2] ?? 0))) | 0;
  if (whole < length) {
    let word = 0;
    for (let at = whole; at < length; at += 1) word |= (payload[at] ?? 0) << (24 - 8 * (at - whole));
    const mask = ~0 << (32 - 8 * (length - whole));
    sum = (sum + (word ^ ((pad[whole >> 2] ?? 0) & mask))) | 0;
  }
  return (start + (sum >>> 0)) % 0x1_0000_0000;
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
