/**
 * A file name made of `parts`: 16 hexadecimal digits, FNV-1a of 64 bits. A user has few such files, and Node's crypto
 * would take longer to load than everything else.
 *
 * @param parts without NUL characters
 */
export function fingerprint(parts: readonly string[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(parts.join('\0')))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}
