import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/**
 * Tells when a process elsewhere dies, by a TCP connection that it holds: no polling, and no process id that may mean something
 * else by now.
 */
export interface LifeLine {
  /** Shell words that connect descriptor 9 of a bash. */
  readonly hold: string;
  /** Resolves when a process has connected. */
  readonly held: Promise<void>;
  /** Resolves when nobody holds the connection any more. */
  readonly released: Promise<void>;
  readonly close: () => void;
}

export async function lifeLine(): Promise<LifeLine> {
  const held = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    held.resolve();
    socket.resume().on('error', () => undefined);
    socket.on('close', () => {
      released.resolve();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    hold: `exec 9<>/dev/tcp/127.0.0.1/${(server.address() as AddressInfo).port}`,
    held: held.promise,
    released: released.promise,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
