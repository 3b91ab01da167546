import { expect, test } from 'vitest';
import { InputLog } from '../../../src/agent/resume/input-log.ts';
import { InputPump } from '../../../src/agent/resume/input-pump.ts';
import { decodePiece, maxPayloadBytes } from '../../../src/agent/host/numbered-lines.ts';
import { defaultLimits } from '../../../src/shell/limits.ts';
import { Pacer } from '../../../src/shell/pacing.ts';
import { Lines } from '../lines.ts';

const key = 4711;
const record = {
  is: 'begin',
  epoch: 'abcdef01',
  isLive: true,
  inSize: 0,
  outOffset: 0,
  checkpoint: undefined,
  engine: 'perl',
  cwd: '/',
  notes: { agent: undefined, thread: undefined },
  keeping: 'no-mount',
  environment: 'found',
  saved: undefined,
} as const;

test.each([300, 8192, 16_087, 1_000_000])(
  'lines of %i bytes fill the frames with whole pieces as far as possible',
  (size) => {
    const lines = new Lines();
    const log = new InputLog(lines);
    const pacer = new Pacer(defaultLimits);
    const pump = new InputPump({
      shell: { write: (bytes) => pacer.push(bytes), unsentBytes: 0, sent: () => Promise.resolve() },
      log,
      isForHostAlone: () => false,
      onInput: () => undefined,
      onSent: () => undefined,
      onFull: () => undefined,
      onAnswer: () => undefined,
    });
    const line = Buffer.alloc(size, 'x');
    const count = Math.ceil(2_000_000 / size);
    for (let n = 0; n < count; n += 1) lines.add(line);
    pump.attached({ nonce: 'me-1', key, record, hasStarted: false });
    pump.pump();

    const frames: Buffer[] = [];
    for (let now = 0; pacer.queuedBytes > 0;) {
      const step = pacer.next(now);
      if (step.is === 'wait') now += step.ms;
      else if (step.is === 'frame') frames.push(Buffer.from(step.frame.subarray(1)));
    }
    let next = 0;
    for (const frame of frames) {
      // Of each piece's overhead, the digits that its numbers do not have are spared.
      const spared = (frame.length / (Math.min(size, maxPayloadBytes) + 20) + 1) * 24;
      if (frame !== frames.at(-1)) expect(frame.length).toBeGreaterThan(60 * 1024 - 16 - 256 - spared);
      expect(frame.at(-1)).toBe(0x0a);
      for (let from = 0; from < frame.length;) {
        const end = frame.indexOf(0x0a, from);
        // A question for the sizes stands between them.
        if (frame[from] !== 0x3f) {
          const piece = decodePiece(frame, key, from, end);
          expect(piece?.offset).toBe(next);
          next += (piece?.payload.length ?? 0) + (piece?.kind === 'last' ? 1 : 0);
        }
        from = end + 1;
      }
    }
    expect(next).toBe(count * (size + 1));
  },
);
