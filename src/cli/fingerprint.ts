/**
 * A name for a file that keeps what these are about: 16 hexadecimal digits. FNV-1a of 64 bits: a person has a few such files,
 * and Node's crypto would take longer to load than all else.
 *
 * @param parts Without NUL characters
 */
export function fingerprint(parts: readonly string[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(parts.join('\0')))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}
