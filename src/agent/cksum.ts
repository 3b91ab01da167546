/**
 * The CRC that POSIX `cksum` prints: polynomial 0x04C11DB7, most significant bit first, the length appended.
 * Fed chunk by chunk; `value` may be read at any time.
 */
export class Cksum {
  #crc = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    let crc = this.#crc;
    for (const byte of bytes) crc = step(crc, byte);
    this.#crc = crc;
    this.#length += bytes.length;
    return this;
  }

  /** Unsigned 32-bit. */
  get value(): number {
    let crc = this.#crc;
    for (let rest = this.#length; rest > 0; rest = Math.floor(rest / 256)) crc = step(crc, rest % 256);
    return ~crc >>> 0;
  }
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

function step(crc: number, byte: number): number {
  return (crc << 8) ^ (table[(crc >>> 24) ^ byte] ?? 0);
}
