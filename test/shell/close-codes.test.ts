import { describe, expect, it } from 'vitest';
import { shellClose } from '../../src/shell/close-codes.ts';
import { verifies } from '../requirements.ts';

describe('close codes', () => {
  it.each([
    [1000, '', 'wait'],
    [1001, '', 'reconnect'],
    [1003, '', 'stop'],
    [1005, '', 'reconnect'],
    [1006, '', 'reconnect'],
    [1008, 'Frame rate limit exceeded', 'slow-down'],
    [1008, '', 'slow-down'],
    [1008, 'Maximum connection duration of 1 hour exceeded', 'reconnect'],
    [1008, 'TTL expired', 'reconnect'],
    [1008, 'connection lasted too long', 'reconnect'],
    [1008, 'Write buffer overflow', 'reconnect'],
    [1009, '', 'shrink'],
    [1011, '', 'back-off'],
    [4000, '', 'stop'],
    [1012, '', 'back-off'],
    [4321, '', 'back-off'],
  ] as const)(verifies('shell.close-codes', '%i "%s" calls for %s'), (code, reason, action) => {
    expect(shellClose(code, reason)).toMatchObject({ code, reason, action });
  });

  it('a reason is made printable', () => {
    expect(shellClose(1011, 'x\u001b[2J').reason).toBe(String.raw`x\x1b[2J`);
  });
});
