import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, stdinFrame } from '../../src/shell/frames.ts';

describe('frames', () => {
  it('a frame for the input holds its pieces in order, behind channel 0', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        expect(Buffer.from(stdinFrame(pieces))).toEqual(Buffer.concat([Uint8Array.of(0), ...pieces]));
      }),
    );
  });

  it('a frame is read as its channel and its payload', () => {
    expect(decodeFrame(Uint8Array.of(1, 104, 105))).toEqual({ channel: 1, payload: Uint8Array.of(104, 105) });
  });

  it('an empty frame has no channel', () => {
    expect(decodeFrame(new Uint8Array())).toEqual({ channel: undefined, payload: new Uint8Array() });
  });
});
