import { describe, expect, test } from 'vitest';
import { hostFailure } from '../../../src/agent/host/failure.ts';

describe('a failure of the host', () => {
  test.each([
    ['tool stty', /lacks stty/, /stty/],
    ['tool bash', /lacks bash/, /^Install bash/],
    ['stty', /terminal/, /stty/],
    ['directory', /no directory/, /writable/],
    ['cwd /no/such place', /\/no\/such place/, /--cwd/],
    ['input', /store/, /disk/],
    ['start', /started/, /disk|processes/],
  ])('%j is reported with what to do about it', (what, message, remedy) => {
    const error = hostFailure(what);
    expect(error.code).toBe('host-failed');
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
  });

  test('of an unknown kind is reported in its own words, safe for a terminal', () => {
    expect(hostFailure('odd \u001b[2Jthing').message).toContain(String.raw`odd \x1b[2Jthing`);
    expect(hostFailure('cwd /a\u0007b').message).toContain(String.raw`/a\x07b`);
  });
});
