/**
 * An agent on bare JSON-RPC lines, as quick as it can be. `bench/flood {count, size}` says so many updates before its answer,
 * `bench/sink {bytes}` is answered when so many bytes of notifications have come. With `--flood COUNT SIZE` it says the updates to whoever started it, and ends.
 */
import process from 'node:process';

const update = (size) =>
  `${JSON.stringify({ jsonrpc: '2.0', method: 'session/update', params: { sessionId: 's', text: 'x'.repeat(size) } })}\n`;

async function flood(count, size) {
  const line = update(size);
  const batch = Math.max(1, Math.floor(65_536 / line.length));
  for (let left = count; left > 0; left -= batch) {
    if (!process.stdout.write(line.repeat(Math.min(batch, left)))) {
      await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
  }
}

const answer = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
let heard = 0;
let sink;

function onLine(line) {
  heard += line.length + 1;
  if (sink !== undefined && heard >= sink.bytes) {
    answer(sink.id, {});
    sink = undefined;
  }
  if (line.startsWith('{"jsonrpc":"2.0","method"')) return;
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') answer(id, { protocolVersion: 1, agentCapabilities: {} });
  else if (method === 'session/new') answer(id, { sessionId: 's' });
  else if (method === 'bench/flood') void flood(params.count, params.size).then(() => answer(id, {}));
  else if (method === 'bench/sink') {
    heard = 0;
    sink = { id, bytes: params.bytes };
  } else if (id !== undefined) answer(id, {});
}

if (process.argv[2] === '--flood') {
  await flood(Number(process.argv[3]), Number(process.argv[4]));
} else {
  let rest = '';
  process.stdin.setEncoding('latin1').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
}
