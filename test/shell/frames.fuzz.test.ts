import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { channels, decodeFrame, stdinFrame } from '../../src/shell/frames.ts';
import { shellClose } from '../../src/shell/close-codes.ts';
import { decodeStatus } from '../../src/shell/status.ts';

const control = /[\u0000-\u001f\u007f-\u009f]/;
const hostileText = fc.string({
  unit: fc.constantFrom('\u001b[2J', '\n', '\u009b', 'a', '1', '"', '\ud800'),
});

describe('a frame of any bytes', () => {
  test('is its first byte and the rest, without a copy', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (frame) => {
        const { channel, payload } = decodeFrame(frame);
        expect(channel).toBe(frame[0]);
        expect([...payload]).toEqual([...frame].slice(1));
        expect(payload.buffer).toBe(frame.buffer);
      }),
    );
  });

  test('made by the bridge is for the input, and never one that would end the shell', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const { channel, payload } = decodeFrame(stdinFrame(pieces));
        expect(channel).toBe(channels.stdin);
        expect([...payload]).toEqual(pieces.flatMap((piece) => [...piece]));
      }),
    );
  });
});

/** JSON in the shape of a status, with anything in the places that are read. */
const anything = fc.oneof(
  hostileText,
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(1e308, -1, '137', '99999', '1e9'),
);
const record = (...names: string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record(Object.fromEntries(names.map((name) => [name, anything])), { requiredKeys: [] }),
    },
    { weight: 1, arbitrary: anything },
  );
const status = fc.record(
  {
    status: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom<unknown>('Success', 'Failure') },
      { weight: 1, arbitrary: anything },
    ),
    metadata: record('shellId', 'reconnected', 'bytesDropped'),
    reason: anything,
    message: fc.oneof(
      anything,
      hostileText.map((text) => `exit code 7${text}`),
    ),
    code: anything,
    details: fc.record({
      causes: fc.array(
        fc.record({ reason: fc.constantFrom<unknown>('ExitCode', 'Signal', 5), message: anything }),
        { maxLength: 3 },
      ),
    }),
  },
  { requiredKeys: ['status'] },
);

describe('a status', () => {
  const expectSound = (payload: Uint8Array): void => {
    const told = decodeStatus(payload);
    switch (told.is) {
      case 'confirmation':
        expect(['boolean', 'undefined']).toContain(typeof told.reconnected);
        expect(told.bytesDropped ?? 0).toBeGreaterThanOrEqual(0);
        expect(told.shellId === undefined || told.shellId.length > 0).toBe(true);
        return;
      case 'exited':
        expect(told.code === undefined || (Number.isInteger(told.code) && told.code <= 999)).toBe(true);
        expect(told.signal ?? '').not.toMatch(control);
        return;
      case 'platform-error':
        expect(told.reason + told.message).not.toMatch(control);
        // Each control character is four characters when it is printable.
        expect(told.reason.length + told.message.length).toBeLessThanOrEqual(2 * 4 * 500);
        return;
      case 'unknown':
    }
  };

  test('of any bytes is read without an exception', () => {
    fc.assert(fc.property(fc.uint8Array(), expectSound));
  });

  test('with anything in its fields gives text that is safe for a terminal, and valid numbers', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(status, (value) => {
        const payload = Buffer.from(JSON.stringify(value));
        kinds.add(decodeStatus(payload).is);
        expectSound(payload);
      }),
      { numRuns: 2000 },
    );
    expect([...kinds].sort()).toEqual(['confirmation', 'exited', 'platform-error', 'unknown']);
  });

  test('that is cut off or damaged is read without an exception', () => {
    fc.assert(
      fc.property(status, fc.nat(), fc.nat(255), (value, where, byte) => {
        const payload = Buffer.from(JSON.stringify(value));
        expectSound(payload.subarray(0, where % payload.length));
        payload[where % payload.length] = byte;
        expectSound(payload);
      }),
    );
  });
});

describe('a close', () => {
  test('of any code and reason has one action, and text that is safe for a terminal', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(5000), fc.integer()),
        fc.oneof(hostileText, fc.string()),
        (code, reason) => {
          const close = shellClose(code, reason);
          expect(close.reason + close.meaning).not.toMatch(control);
          expect(close.meaning).not.toBe('');
          expect(['reconnect', 'back-off', 'slow-down', 'shrink', 'wait', 'stop']).toContain(close.action);
          // Only what another try can't mend ends it.
          if (close.action === 'stop') expect([1003, 4000]).toContain(code);
        },
      ),
    );
  });
});
