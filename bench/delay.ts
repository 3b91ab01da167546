import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { DelayLine } from '../src/local/behaviour/delay-line.ts';
import { type Figure, inTurns, median, type Target } from './figures.ts';
import type { Program } from './program.ts';
import { upgradeMs } from './reattach.ts';
import { bare, Stage } from './stage.ts';

/** Each way. */
const delayMs = 100;

/**
 * Round trips of the network from the start of the bridge to the agent's first answer, and from a cut to the next answer: the
 * time through a proxy that delays, less the time through the same proxy without a delay, by what a round trip takes.
 */
export async function delayFigures(rounds = 5): Promise<Figure[]> {
  const stage = new Stage();
  const near = await DelayProxy.listen(0);
  const far = await DelayProxy.listen(delayMs);
  try {
    await stage.startService();
    for (const proxy of [near, far]) proxy.target = new URL(stage.address.url);
    const agent = [process.execPath, bare('agent.mjs')];
    let thread = 0;
    const start = (proxy: DelayProxy): Program => {
      thread += 1;
      return stage.bridge(['--thread', `delay-${thread}`], agent, stage.env(proxy.url));
    };
    const firstAnswer = async (proxy: DelayProxy): Promise<number> => {
      const began = performance.now();
      const bridge = start(proxy);
      await bridge.request(0, 'initialize', { protocolVersion: 1 });
      const ms = performance.now() - began;
      await bridge.end('SIGKILL');
      return ms;
    };
    const held = { near: start(near), far: start(far) };
    for (const bridge of [held.near, held.far]) {
      await bridge.request(0, 'initialize', { protocolVersion: 1 });
    }
    let id = 0;
    const reattach = async (bridge: Program, proxy: DelayProxy): Promise<number> => {
      id += 1;
      await bridge.request(id, 'bench/echo');
      proxy.cut();
      const began = performance.now();
      id += 1;
      await bridge.request(id, 'bench/echo');
      return performance.now() - began;
    };
    const upgrade = async (proxy: DelayProxy): Promise<number> =>
      upgradeMs(await stage.upgrade(0, proxy.url));
    await upgrade(near);
    const runs = await inTurns(rounds, {
      startNear: () => firstAnswer(near),
      startFar: () => firstAnswer(far),
      reattachNear: () => reattach(held.near, near),
      reattachFar: () => reattach(held.far, far),
      upgradeNear: () => upgrade(near),
      upgradeFar: () => upgrade(far),
    });
    const trips = (name: 'start' | 'reattach' | 'upgrade'): number =>
      (median(runs[`${name}Far`]) - median(runs[`${name}Near`])) / (2 * delayMs);
    const of = {
      part: 'delay',
      unit: 'round trips',
      limit: trips('upgrade'),
      limitIs: 'TCP and a bare upgrade',
      runs: rounds,
    } as const;
    return [
      {
        ...of,
        what: 'start to the first answer of a new agent',
        ours: trips('start'),
        target: within(5, trips('start')),
      },
      {
        ...of,
        what: 'a cut to the next answer',
        ours: trips('reattach'),
        target: within(4, trips('reattach')),
      },
    ];
  } finally {
    await stage.end();
    near.close();
    far.close();
  }
}

/** A quarter of a round trip is what a busy machine may take longer in one run than in another. */
function within(most: number, trips: number): Target {
  return { says: `≤ ${most} round trips`, isMet: trips <= most + 0.25 };
}

/**
 * Passes TCP connections on to `target`, and delays what crosses them, each way. A connection to loopback is there at once:
 * so the first bytes of each wait for a further round trip, which is TCP's.
 */
class DelayProxy {
  target: URL | undefined;
  readonly #delayMs: number;
  readonly #server = createServer((client) => this.#onConnection(client));
  readonly #sockets = new Set<Socket>();

  private constructor(eachWayMs: number) {
    this.#delayMs = eachWayMs;
  }

  static async listen(eachWayMs: number): Promise<DelayProxy> {
    const proxy = new DelayProxy(eachWayMs);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets all connections, at both ends and at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #onConnection(client: Socket): void {
    const service = connect(Number(this.target?.port), this.target?.hostname);
    this.#pass(client, service, 2 * this.#delayMs);
    this.#pass(service, client, 0);
  }

  #pass(from: Socket, to: Socket, handshakeMs: number): void {
    const openAt = performance.now() + handshakeMs;
    const line = new DelayLine<Uint8Array | 'end'>((item) => {
      if (to.destroyed) return;
      if (item === 'end') to.end();
      else to.write(item);
    });
    const push = (item: Uint8Array | 'end'): void =>
      line.push(item, Math.max(openAt - performance.now(), 0) + this.#delayMs);
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', push);
    from.on('end', () => push('end'));
    from.on('error', () => undefined);
    from.on('close', () => this.#sockets.delete(from));
  }
}
