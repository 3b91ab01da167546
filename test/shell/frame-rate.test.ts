import { afterEach, beforeEach, expect, it } from 'vitest';
import { verifies } from '../requirements.ts';
import { recordedShell } from './recorded-shell.ts';
import { ShellService, type Peer } from './shell-service.ts';

let service: ShellService;

beforeEach(async () => {
  service = await ShellService.start();
});

afterEach(() => service.stop());

it(
  verifies(
    ['shell.frame-rate', 'shell.frame-limit'],
    'under a load of small and large writes the service never sees 250 frames in a second, nor 64 KB in one',
  ),
  async () => {
    const { shell, events } = recordedShell(service.url);
    shell.start();
    const peer = await service.peers.next();
    await events.next();
    const big = new Uint8Array(300_000);
    let written = 0;
    const until = performance.now() + 2_500;
    while (performance.now() < until) {
      const bytes = written % 7 === 0 ? big : Uint8Array.of(1);
      shell.write(bytes);
      written += bytes.length;
      await shell.sent(bytes.length);
    }
    await shell.sent(0);
    await shell.close(1_000);
    await peer.closed;
    expect(peer.arrivals.reduce((sum, { bytes }) => sum + bytes - 1, 0)).toBe(written);
    expect(Math.max(...peer.arrivals.map(({ bytes }) => bytes))).toBeLessThanOrEqual(60 * 1024);
    expect(mostInASecond(peer)).toBeLessThanOrEqual(250);
    expect(peer.arrivals.length).toBeGreaterThan(300);
  },
);

function mostInASecond({ arrivals }: Peer): number {
  let start = 0;
  let most = 0;
  for (const [end, { at }] of arrivals.entries()) {
    while (at - (arrivals[start]?.at ?? at) > 1_000) start += 1;
    most = Math.max(most, end - start + 1);
  }
  return most;
}
