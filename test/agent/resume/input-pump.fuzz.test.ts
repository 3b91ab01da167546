import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { OutputReader } from '../../../src/agent/resume/output-reader.ts';
import { InputLog } from '../../../src/agent/resume/input-log.ts';
import { InputPump } from '../../../src/agent/resume/input-pump.ts';
import { Lines } from '../lines.ts';
import { verifies } from '../../requirements.ts';
import { eventually } from '../stage.ts';

const scripts = join(import.meta.dirname, '../../../src/agent/host/scripts');
const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** The host's own reader of input, as it stands for one attach behind another. */
class HostInput {
  readonly directory: string;
  #child: ReturnType<typeof spawn> | undefined;
  onSaid: (bytes: Buffer) => void = () => undefined;

  constructor() {
    const parent = mkdtempSync(join(tmpdir(), 'acb-pump-'));
    this.directory = join(parent, 'abcdef01');
    mkdirSync(this.directory);
    for (const name of ['in', 'out']) writeFileSync(join(this.directory, name), '');
    endings.push(() => rmSync(parent, { recursive: true, force: true }));
  }

  async attach(nonce: string, key: number): Promise<void> {
    await this.leave();
    const call = `. ${scripts}/lines.sh; engine=(perl); take_in ${key} ${nonce}`;
    const child = spawn('bash', ['-c', call], { cwd: this.directory, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.on('data', (bytes: Buffer) => this.onSaid(bytes));
    child.stdin.on('error', () => undefined);
    this.#child = child;
  }

  write(bytes: Uint8Array): void {
    this.#child?.stdin?.write(bytes);
  }

  async leave(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = new Promise((resolve) => child.on('close', resolve));
    child.stdin?.end();
    await closed;
    this.#child = undefined;
  }

  get lines(): string[] {
    return readFileSync(join(this.directory, 'in'), 'utf8').split('\n').slice(0, -1);
  }

  get size(): number {
    return readFileSync(join(this.directory, 'in')).length;
  }
}

/** What becomes of one write, which a service may cut into frames of so many bytes. */
const fate = fc.record({
  what: fc.constantFrom('arrives', 'arrives', 'arrives', 'is lost', 'is cut', 'is doubled', 'comes late'),
  frame: fc.integer({ min: 1, max: 400 }),
  chosen: fc.nat(),
});

describe('an input pump', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.lost-input', 'host.late-input', 'host.doubled'],
      "gives the host's reader each line once and in order, under any schedule of losses, cuts, doubles and late frames",
    ),
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { minLength: 1, maxLength: 30 }),
          fc.array(fc.array(fate, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
          async (texts, attaches) => {
            const host = new HostInput();
            const lines = new Lines();
            const log = new InputLog(lines, 20);
            const fates: (typeof attaches)[number] = [];
            const late: Uint8Array[] = [];
            const send = (bytes: Uint8Array): void => {
              const { what, frame, chosen } = fates.shift() ?? { what: 'arrives', frame: 1e6, chosen: 0 };
              const frames: Uint8Array[] = [];
              for (let at = 0; at < bytes.length; at += frame) frames.push(bytes.subarray(at, at + frame));
              const hit = chosen % frames.length;
              for (const [index, each] of frames.entries()) {
                if (index === hit && what === 'is lost') continue;
                if (index === hit && what === 'comes late') {
                  late.push(each);
                  continue;
                }
                host.write(index === hit && what === 'is cut' ? each.subarray(0, each.length >> 1) : each);
                if (index === hit && what === 'is doubled') host.write(each);
                // What an earlier connection left comes between the frames of this one.
                const [first] = late.splice(0, attachIndex > 0 && index % 2 === 0 ? 1 : 0);
                if (first !== undefined) host.write(first);
              }
            };
            let attachIndex = 0;
            let answers = 0;
            const pump = new InputPump({
              shell: { write: send, unsentBytes: 0, sent: () => Promise.resolve() },
              log,
              isForHostAlone: () => false,
              onInput: () => undefined,
              onSent: () => undefined,
              onFull: () => undefined,
              onAnswer: () => {
                answers += 1;
              },
            });
            const waiting = texts.map((text) => text.replaceAll(/[\n\u001e]/g, ' '));
            const expected = [...waiting];
            for (const schedule of [...attaches, []]) {
              const nonce = `me-${attachIndex}`;
              const key = 1000 + attachIndex;
              await host.attach(nonce, key);
              const reader = new OutputReader({
                epoch: 'abcdef01',
                offset: 0,
                maxLineBytes: 100,
                onLine: () => undefined,
                onOversizedLine: () => undefined,
                onHostLine: () => undefined,
                onRecord: () => undefined,
                onReport: (report) => pump.onReport(report),
                onGap: () => undefined,
              });
              host.onSaid = (bytes) => reader.push(bytes);
              // What `begin` says.
              expect(log.acknowledge(host.size)).toBe(true);
              const record = { inSize: host.size, engine: 'perl' } as never;
              fates.push(...schedule);
              pump.attached({ nonce, key, record, hasStarted: false });
              const isLast = schedule.length === 0;
              for (const text of waiting.splice(0, isLast ? waiting.length : 10)) {
                lines.add(text);
                pump.pump();
              }
              pump.pump();
              // As after a second of quiet: until an answer comes, or all has arrived on the last attach.
              for (let before = answers; isLast ? log.heldBytes > 0 : answers === before;) {
                const asked = answers;
                pump.ask();
                const since = performance.now();
                await eventually(() => answers > asked || performance.now() - since > 100);
                if (!isLast && answers === asked && fates.length === 0) pump.ask();
              }
              pump.detached();
              attachIndex += 1;
            }
            await host.leave();
            expect(host.lines).toEqual(expected);
          },
        ),
        { numRuns: 40 },
      );
    },
    120_000,
  );
});
