import { quote } from '../agent/host/quote.ts';

/** Arguments as a line of bash that comes to the same arguments: plain ones as they are, the others quoted. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quote(word))).join(' ');
}
