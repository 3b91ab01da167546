import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection, type ConnectionEnd } from '../../src/shell/connection.ts';
import { defaultLimits } from '../../src/shell/limits.ts';
import { verifies } from '../requirements.ts';
import { ManualClock } from './manual-clock.ts';
import { Queue } from './queue.ts';
import { ShellService } from './shell-service.ts';

type Event = { is: 'open' } | { is: 'frame'; text: string } | { is: 'end'; end: ConnectionEnd };

let service: ShellService;
let clock: ManualClock;

beforeEach(async () => {
  service = await ShellService.start();
  clock = new ManualClock();
});

afterEach(() => service.stop());

function open(url = service.url, headers: Record<string, string> = {}) {
  const events = new Queue<Event>();
  const connection = new Connection({
    upgrade: { url: url.replace('http', 'ws'), headers },
    // A close handshake that hangs is to be seen, not to be cut off by the WebSocket library.
    limits: { ...defaultLimits, closeMs: 600_000 },
    clock,
    events: {
      onOpen: () => events.push({ is: 'open' }),
      onFrame: (frame) => events.push({ is: 'frame', text: Buffer.from(frame).toString() }),
      onEnd: (end) => events.push({ is: 'end', end }),
    },
  });
  return { connection, events };
}

async function opened() {
  const { connection, events } = open();
  const peer = await service.peers.next();
  expect(await events.next()).toEqual({ is: 'open' });
  return { connection, events, peer };
}

describe('a connection', () => {
  it('offers no compression, and sends the given headers, including Host', async () => {
    open(service.url, { host: 'signed.example', 'x-signed': 'yes' });
    const { request } = await service.peers.next();
    expect(request.headers['sec-websocket-extensions']).toBeUndefined();
    expect(request.headers).toMatchObject({ host: 'signed.example', 'x-signed': 'yes' });
    expect(request.rawHeaders.filter((name) => /^host$/i.test(name))).toHaveLength(1);
  });

  it('loses no frame that comes in the same burst as the upgrade', async () => {
    service.onUpgrade = (request, socket) => {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      const head = `HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), Buffer.from('\x82\x03\x01hi\x82\x02\x01!', 'latin1')]));
    };
    const { events } = open();
    expect(await events.next()).toEqual({ is: 'open' });
    expect(await events.next()).toEqual({ is: 'frame', text: '\u0001hi' });
    expect(await events.next()).toEqual({ is: 'frame', text: '\u0001!' });
  });

  it('passes on binary messages, and ignores text', async () => {
    const { events, peer } = await opened();
    peer.socket.send('text');
    peer.send(1, 'binary');
    expect(await events.next()).toEqual({ is: 'frame', text: '\u0001binary' });
  });

  it('reports code and reason of the close frame', async () => {
    const { events, peer } = await opened();
    peer.socket.close(1011, 'no pty');
    expect(await events.next()).toEqual({ is: 'end', end: { is: 'closed', code: 1011, reason: 'no pty' } });
    expect(clock.timers).toBe(0);
  });

  it('a reset is reported as 1006, once', async () => {
    const { events, peer, connection } = await opened();
    peer.tcp.resetAndDestroy();
    expect(await events.next()).toEqual({ is: 'end', end: { is: 'closed', code: 1006, reason: '' } });
    connection.send(Uint8Array.of(0, 1), () => events.push({ is: 'frame', text: 'flushed' }));
    expect(await events.next()).toEqual({ is: 'frame', text: 'flushed' });
    expect(events.rest).toEqual([]);
  });

  it(verifies('shell.dead-peer', 'sends pings, and takes silence for a dead connection'), async () => {
    const { events, peer } = await opened();
    peer.tcp.pause();
    clock.advance(30_000);
    clock.advance(15_000);
    expect(await events.next()).toMatchObject({ is: 'end', end: { is: 'closed', code: 1006 } });
  });

  it('stays open if the peer answers pings', async () => {
    const { events, peer, connection } = await opened();
    const pinged = new Promise((resolve) => peer.socket.once('ping', resolve));
    clock.advance(30_000);
    await pinged;
    // The pong is on its way before this frame.
    peer.send(1, 'after the pong');
    expect(await events.next()).toMatchObject({ is: 'frame' });
    clock.advance(20_000);
    connection.send(Uint8Array.of(0, 1), () => undefined);
    expect(await peer.frames.next()).toEqual(Buffer.from([0, 1]));
  });

  it('reads nothing while it is paused, and delivers everything when it is resumed', async () => {
    const { events, peer, connection } = await opened();
    connection.pause();
    peer.send(1, 'late');
    const pinged = new Promise((resolve) => peer.socket.once('ping', resolve));
    clock.advance(30_000);
    await pinged;
    clock.advance(60_000);
    expect(events.rest).toEqual([]);
    connection.resume();
    expect(await events.next()).toEqual({ is: 'frame', text: '\u0001late' });
  });

  it('leaves by a close handshake, even when paused', async () => {
    const { events, peer, connection } = await opened();
    connection.pause();
    peer.send(1, 'unread');
    await connection.leave(1_000);
    expect(await peer.closed).toBe(1000);
    expect(await events.next()).toMatchObject({ is: 'frame' });
    expect(await events.next()).toMatchObject({ end: { is: 'closed', code: 1000 } });
    expect(clock.timers).toBe(0);
  });

  it('is cut off after the grace if the peer does not answer the close handshake', async () => {
    const { peer, connection } = await opened();
    peer.tcp.pause();
    const left = connection.leave(500);
    clock.advance(500);
    await expect(left).resolves.toBeUndefined();
  });

  it(verifies('aws.upgrade-refused', 'reports a refusal with status, error type and body'), async () => {
    service.refuse({ status: 403, errorType: 'AccessDeniedException', body: '{"message":"no"}' });
    expect(await open().events.next()).toEqual({
      is: 'end',
      end: {
        is: 'refused',
        response: { status: 403, errorType: 'AccessDeniedException', body: '{"message":"no"}' },
      },
    });
  });

  it('limits the body of a refusal in size', async () => {
    service.refuse({ status: 500, body: 'x'.repeat(10_000_000) });
    const event = await open().events.next();
    const body = event.is === 'end' && event.end.is === 'refused' ? event.end.response.body : '';
    expect(body.length).toBeGreaterThan(64 * 1024 - 1);
    expect(body.length).toBeLessThan(300_000);
  });

  it('limits the body of a refusal in time', async () => {
    service.onUpgrade = (_, socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nhalf');
    const { events } = open();
    await clock.armed((ms) => ms === 5_000);
    clock.advance(5_000);
    expect(await events.next()).toMatchObject({
      is: 'end',
      end: { is: 'refused', response: { status: 503 } },
    });
  });

  it(verifies('shell.dead-peer', 'gives up an upgrade that is never answered after 330 s'), async () => {
    service.onUpgrade = () => undefined;
    const { events } = open();
    await clock.armed((ms) => ms === 330_000);
    clock.advance(330_000);
    const event = await events.next();
    expect(event).toMatchObject({ is: 'end', end: { is: 'failed' } });
    expect(String(event.is === 'end' && event.end.is === 'failed' && event.end.cause)).toContain(
      'within 330 s',
    );
  });

  it(verifies('shell.dead-peer', 'gives up a server that does not finish TLS after 10 s'), async () => {
    const accepted = new Queue<Socket>();
    const mute = createServer((socket) => accepted.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { events } = open(`https://127.0.0.1:${port}`);
    const socket = await accepted.next();
    // The client's TLS hello: its TCP connection stands.
    await new Promise((resolve) => socket.once('data', resolve));
    clock.advance(10_000);
    expect(await events.next()).toMatchObject({ is: 'end', end: { is: 'failed' } });
    socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });

  it("reports the network's error for a refused connection", async () => {
    const { url } = service;
    await service.stop();
    expect(await open(url).events.next()).toMatchObject({
      is: 'end',
      end: { is: 'failed', cause: { code: 'ECONNREFUSED' } },
    });
    service = await ShellService.start();
  });

  it('does not accept a message over 1 MB', async () => {
    const { events, peer } = await opened();
    peer.send(1, new Uint8Array(1024 * 1024 + 1));
    expect(await events.next()).toMatchObject({ is: 'end', end: { is: 'closed' } });
    expect(await peer.closed).toBe(1009);
  });
});
