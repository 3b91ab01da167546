/**
 * A bare WebSocket client: what comes on stdin goes to the PTY as it comes, what the PTY says goes to stdout. With `paced`
 * as its second argument it sends a frame of 60 KB every 5 ms at most, since the service would close the connection on more than 250 in a second.
 */
import process from 'node:process';
import { WebSocket } from 'ws';

const { url, headers } = JSON.parse(process.argv[2]);
const isPaced = process.argv[3] === 'paced';
const socket = new WebSocket(url, { headers, perMessageDeflate: false });
socket.on('open', () => {
  process.stdin.on('data', isPaced ? queue : send);
  process.stdin.on('end', () => process.exit());
});
socket.on('message', (frame) => {
  if (frame[0] === 1) process.stdout.write(frame.subarray(1));
});
socket.on('close', () => process.exit(1));

const stdinChannel = Buffer.of(0);
const most = 60 * 1024;

function send(chunk) {
  for (let at = 0; at < chunk.length; at += most) {
    socket.send(Buffer.concat([stdinChannel, chunk.subarray(at, at + most)]));
  }
}

let waiting = Buffer.alloc(0);
let last = 0;
let timer;
function queue(chunk) {
  waiting = Buffer.concat([waiting, chunk]);
  if (waiting.length > 16 * most) process.stdin.pause();
  timer ??= setInterval(next, 1);
}

function next() {
  // A timer that was late is made up for, but not by more than a few frames.
  const due = Math.min(8, Math.floor((performance.now() - last) / 5));
  if (due < 1) return;
  last = Math.max(last + due * 5, performance.now() - 40);
  send(waiting.subarray(0, due * most));
  waiting = waiting.subarray(due * most);
  if (waiting.length < 8 * most) process.stdin.resume();
  if (waiting.length > 0) return;
  clearInterval(timer);
  timer = undefined;
}
