/** A bare Node.js process that holds WebSockets: reads the signed requests from its first argument, says when all are open. */
import process from 'node:process';
import { WebSocket } from 'ws';

const upgrades = JSON.parse(process.argv[2]);
const sockets = upgrades.map(({ url, headers }) => new WebSocket(url, { headers, perMessageDeflate: false }));
// The service confirms each shell in a message.
await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('message', resolve))));
process.stdout.write('open\n');
process.stdin.on('end', () => process.exit()).resume();
