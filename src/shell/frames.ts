/** The first byte of each binary frame. AWS's developer guide, "Interactive shells". */
export const channels = {
  stdin: 0x00,
  stdout: 0x01,
  /** Diagnostics of the platform, as text. */
  stderr: 0x02,
  status: 0x03,
  /** From the service: the shell has ended. Sent to the service it kills the shell, so nothing here sends it. */
  close: 0xff,
} as const;

/** One frame for the PTY's input, made of the given pieces. This folder sends no other kind of frame. */
export function stdinFrame(pieces: readonly Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 1));
  frame[0] = channels.stdin;
  let at = 1;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}

/** The channel, undefined for an empty frame, and the payload, a view into the frame. */
export function decodeFrame(frame: Uint8Array): { channel: number | undefined; payload: Uint8Array } {
  return { channel: frame[0], payload: frame.subarray(1) };
}
