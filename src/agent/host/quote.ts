/**
 * Writes any text as one word of bash, in printable ASCII on one line: `$'…'`. Every value that reaches a shell is
 * quoted here and nowhere else. The result holds no character that a terminal's line editor, history expansion,
 * completion or a PTY acts on.
 *
 * Throws a RangeError for text with a NUL, which no argument or variable can hold.
 */
export function quote(text: string): string {
  let quoted = '';
  for (const byte of encoder.encode(text)) {
    if (byte === 0) throw new RangeError('text for a shell can not hold a NUL character');
    quoted += words[byte];
  }
  return `$'${quoted}'`;
}

const encoder = new TextEncoder();

/**
 * How each byte is written within `$'…'`. Octal escapes have all three digits, so that a digit behind one is not taken
 * as part of it.
 */
const words = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (character === '\n') return '\\n';
  if (character === "'" || character === '\\') return `\\${character}`;
  const isPlain = byte >= 0x20 && byte < 0x7f && character !== '!';
  return isPlain ? character : `\\${byte.toString(8).padStart(3, '0')}`;
});
