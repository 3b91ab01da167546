import { quote } from '../agent/host/quote.ts';

/** Arguments as a line of bash with the same meaning: plain words unchanged, others quoted. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quote(word))).join(' ');
}
