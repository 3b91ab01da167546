import { createHash } from 'node:crypto';
import { chmodSync, globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifies } from '../../requirements.ts';
import { attach, type Attached, eventually, type MicroVm, startMicroVm } from '../stage.ts';

const megabyte = 1024 * 1024;
const line = 'x'.repeat(300 * 1024 - 1);

/** Bytes of the disk that a file of the epoch takes. */
function diskOf(vm: MicroVm, file: 'in' | 'out' | 'err'): number {
  return globSync(join(vm.directory, '*', file)).reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
}

/** Sends lines of 300 KB, and waits until the host has said that they are there. */
async function upload({ arrived, say }: Attached, lines: number): Promise<void> {
  for (let n = 0; n < lines; n += 1) say(line);
  await arrived();
}

let odd = '';
let without = '';
beforeAll(() => {
  without = mkdtempSync(join(tmpdir(), 'acb-without-'));
  writeFileSync(join(without, 'fallocate'), '#!/bin/sh\nexit 2\n', { mode: 0o755 });
  // A grep that is not GNU's: then bash itself reads what is for the agent.
  odd = mkdtempSync(join(tmpdir(), 'acb-odd-'));
  writeFileSync(join(odd, 'grep'), '#!/bin/sh\nexit 2\n');
  chmodSync(join(odd, 'grep'), 0o755);
});
afterAll(() => {
  for (const directory of [odd, without]) rmSync(directory, { recursive: true, force: true });
});

describe('the disk in the microVM', () => {
  test.for(['tail', 'bash'])(
    verifies('host.free', 'is freed up to where %s has read; notes and checkpoint are kept'),
    async (reader) => {
      const path = process.env['PATH'] ?? '/usr/bin:/bin';
      const vm = startMicroVm({ env: { PATH: reader === 'bash' ? `${odd}:${path}` : path } });
      const first = attach(vm, 'head -c 3000000 /dev/zero >&2; exec cat');
      first.link.note('thread', 'a thread');
      for (const lines of [30, 60, 90]) {
        await upload(first, 30);
        await first.until(() => first.heard.lines.length === lines);
        if (lines === 30) first.link.note('agent', 'an agent');
      }
      // How far the client is has arrived with the attach before the one that frees.
      first.say('behind');
      await first.until(() => first.heard.lines.includes('behind'));
      await first.arrived();
      await upload(first, 30);
      await first.until(() => first.heard.lines.length === 121);
      await first.link.close(5000);
      // Of 36 MB each way. An attach frees when both have 16 MB together, so as much may be left, and the 1 MB of each
      // between two answers of the host. Which attach was the last one depends on timing.
      await eventually(() => diskOf(vm, 'in') + diskOf(vm, 'out') < 18 * megabyte);
      await eventually(() => diskOf(vm, 'err') < megabyte);

      const second = attach(vm, 'cat');
      second.say('hello');
      await second.until(() => second.heard.lines.length > 0);
      expect(second.heard.lines).toEqual(['hello']);
      expect(second.heard.epochs).toMatchObject([
        { origin: 'found', notes: { thread: 'a thread', agent: 'an agent' } },
      ]);
    },
  );

  test.for([{ tool: 'fallocate' }, { tool: 'nothing of the kind' }])(
    verifies('host.free', 'is freed of stderr except its end, with $tool, also if nothing else is freed'),
    async ({ tool }) => {
      const path = process.env['PATH'] ?? '/usr/bin:/bin';
      const vm = startMicroVm({ env: { PATH: tool === 'fallocate' ? path : `${without}:${path}` } });
      const agent = attach(
        vm,
        'read -r l; head -c 3000000 /dev/zero >&2; echo written; read -r l; head -c 3000000 /dev/zero >&2; echo last words >&2; exit 3',
      );
      agent.say('begin');
      await agent.until(() => agent.heard.lines.includes('written'));
      await eventually(() => diskOf(vm, 'err') < megabyte);
      agent.say('go on');
      await agent.until(() => agent.heard.exits.length === 1);
      expect(diskOf(vm, 'err')).toBeLessThan(4 * megabyte);
      expect(agent.heard.exits[0]?.stderr).toMatch(/\0last words\n$/);
    },
  );

  test('is not freed of input that the agent has not read yet', async () => {
    const vm = startMicroVm();
    const bytes = 90 * (line.length + 1);
    const bridge = attach(vm, `until [ -e ~/go ]; do sleep .01; done; head -c ${bytes} | sha256sum`);
    for (let n = 0; n < 3; n += 1) await upload(bridge, 30);
    await bridge.arrived();
    expect(diskOf(vm, 'in')).toBeGreaterThan(bytes - megabyte);
    writeFileSync(join(vm.home, 'go'), '');
    await bridge.until(() => bridge.heard.lines.length === 1);
    const sum = createHash('sha256').update(`${line}\n`.repeat(90)).digest('hex');
    expect(bridge.heard.lines[0]).toContain(sum);
  });
});
