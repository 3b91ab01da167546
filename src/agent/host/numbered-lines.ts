/**
 * Lines that say which bytes of a stream they are, for a way on which bytes may be lost, doubled, delayed and cut.
 *
 * ```
 * OFFSET LENGTH:PAYLOAD#CHECK    a line, or the last piece of one
 * OFFSET LENGTH+PAYLOAD#CHECK    a piece that the next one continues
 * OFFSET LENGTH!PAYLOAD#CHECK    the agent host's own, in what an agent says
 * ```
 *
 * OFFSET is a byte offset in decimal: towards the agent, of PAYLOAD in the lines without these numbers (a newline stands
 * behind each last piece); from the agent, of the piece itself in the stream of pieces. LENGTH counts the bytes of PAYLOAD,
 * {@link maxPayloadBytes} at the most. CHECK is OFFSET + KEY + the sum of PAYLOAD's big-endian 32-bit words, each
 * XORed with the word of a fixed sequence that stands at its place, modulo 2^32; the last word is filled up with zeros. Where
 * perl is missing in the image, `@` and OFFSET + KEY stand in the place of `#` and CHECK: that tells pieces and their ends
 * apart, but not a piece of which one part was lost and another of the same length doubled.
 *
 * KEY tells streams apart: input of an earlier attach, or output of another epoch, is not this stream's.
 */
export const maxPayloadBytes = 8192;

/** Payload, offset of 15 digits, length of 4, check of 16, and the marks. */
export const maxPieceBytes = maxPayloadBytes + 40;

/** What checks the lines in the microVM. */
export type Engine = 'perl' | 'awk';

/** One piece, as it was read. */
export interface Piece {
  readonly offset: number;
  /** A view on what was decoded. */
  readonly payload: Uint8Array;
  readonly kind: PieceKind;
}

/** `more`: the next piece continues it. `last`: the line ends with it. `host`: a line of the agent host's. */
export type PieceKind = 'more' | 'last' | 'host';

/**
 * Writes a piece into `target` from `at` on, newline included, and returns where it ends. There must be room for
 * {@link maxPieceBytes}.
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

/** Reads a line (without its newline); undefined for anything but a whole piece of the stream with this key. */
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

/** The key of an epoch's output: the first seven of the hexadecimal digits that name it. */
export function outputKey(epoch: string): number {
  return Number.parseInt(epoch.slice(0, 7), 16);
}

const maxOffsetDigits = 15;
const marks: Readonly<Record<PieceKind, string>> = { more: '+', last: ':', host: '!' };
const kinds: Readonly<Record<number, PieceKind>> = { 0x2b: 'more', 0x3a: 'last', 0x21: 'host' };

/** The decimal number at `from`, as it is written: one that begins with a 0 ends behind it. No number ends where it begins. */
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

/** The sequence that payloads are XORed with: by the generator of Numerical Recipes, from 1. */
const pad = ((): Int32Array => {
  const words = new Int32Array(maxPayloadBytes / 4);
  let x = 1;
  for (let at = 0; at < words.length; at += 1) {
    words[at] = x;
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
  }
  return words;
})();
