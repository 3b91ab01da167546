/** A bare WebSocket client: what comes on stdin goes to the PTY as it comes, what the PTY says goes to stdout. */
import process from 'node:process';
import { WebSocket } from 'ws';

const { url, headers } = JSON.parse(process.argv[2]);
const socket = new WebSocket(url, { headers, perMessageDeflate: false });
socket.on('open', () => {
  process.stdin.on('data', (chunk) => socket.send(Buffer.concat([stdinChannel, chunk])));
  process.stdin.on('end', () => process.exit());
});
socket.on('message', (frame) => {
  if (frame[0] === 1) process.stdout.write(frame.subarray(1));
});
socket.on('close', () => process.exit(1));

const stdinChannel = Buffer.of(0);
