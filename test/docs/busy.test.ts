import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { endLater } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'busy.md'), 'utf8');

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when the clock is past this second. */
async function secondAfter(second: number): Promise<void> {
  const now = (): number => Math.floor(Date.now() / 1000);
  await expect.poll(now, { timeout: 20_000 }).toBeGreaterThan(second);
}

test(
  verifies(
    'host.busy',
    'a recent busy file makes the /ping of docs/busy.md busy; its time is that of the last change',
  ),
  async () => {
    const [, code = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
    const root = mkdtempSync(join(tmpdir(), 'acb-ping-'));
    endLater(async () => rmSync(root, { recursive: true }));
    const port = await freePort();
    expect(code).toContain("'/tmp/.agentcore-bridge-");
    const server = join(root, 'ping.mjs');
    writeFileSync(server, code.replace("'/tmp/", `'${root}/`).replace('8080', String(port)));
    const child = spawn(process.execPath, [server], { stdio: 'ignore' });
    endLater(async () => void child.kill());

    const ping = async (): Promise<{ status: string; time_of_last_update: number }> => {
      const response = await fetch(`http://127.0.0.1:${port}/ping`);
      return (await response.json()) as { status: string; time_of_last_update: number };
    };
    await expect.poll(ping, { timeout: 20_000 }).toMatchObject({ status: 'Healthy' });
    const first = await ping();
    const directory = join(root, '.agentcore-bridge-1000-busy');
    mkdirSync(directory);
    writeFileSync(join(directory, 'thread'), '1\n');
    // A change within the second in which the server began would have the same time.
    await secondAfter(first.time_of_last_update);
    const busy = await ping();
    expect(busy.status).toBe('HealthyBusy');
    expect(busy.time_of_last_update).toBeGreaterThan(first.time_of_last_update);
    await secondAfter(busy.time_of_last_update);
    expect(await ping()).toEqual(busy);
    const longAgo = Date.now() / 1000 - 31 * 60;
    utimesSync(join(directory, 'thread'), longAgo, longAgo);
    expect((await ping()).status).toBe('Healthy');
  },
);
