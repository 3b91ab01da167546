import { describe, expect, it } from 'vitest';
import { handOverInMs } from '../../src/shell/hand-over.ts';
import { defaultLimits } from '../../src/shell/limits.ts';
import { verifies } from '../requirements.ts';

const minute = 60_000;
const inMs = (ageMs: number, quietForMs: number): number => handOverInMs(ageMs, quietForMs, defaultLimits);

describe('the moment of a hand-over', () => {
  it(verifies('shell.hand-over', 'a young connection is kept, even if it is quiet'), () => {
    expect(inMs(54 * minute, 54 * minute)).toBe(minute);
  });

  it(verifies('shell.hand-over', 'an old connection is replaced once no byte has passed for 2 s'), () => {
    expect(inMs(56 * minute, 2_000)).toBe(0);
    expect(inMs(56 * minute, 1_500)).toBe(500);
  });

  it(verifies('shell.hand-over', 'at 59 minutes a connection is replaced, even if it is busy'), () => {
    expect(inMs(59 * minute - 300, 0)).toBe(300);
    expect(inMs(59 * minute, 0)).toBe(0);
  });
});
