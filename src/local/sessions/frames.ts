/** The first byte of a binary WebSocket message. */
export const channels = {
  stdin: 0x00,
  stdout: 0x01,
  stderr: 0x02,
  status: 0x03,
  resize: 0x04,
  heartbeat: 0x05,
  close: 0xff,
} as const;

/** The largest frame that the service sends, channel byte included. AWS quota: 64 KB. */
export const largestSentFrame = 64 * 1024;

/** One frame: a channel byte and its payload. */
export function frame(channel: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(1 + payload.length);
  bytes[0] = channel;
  bytes.set(payload, 1);
  return bytes;
}
