import { describe, expect, test } from 'vitest';
import { createLog, type LogFormat, logLevels, type LogLevel, printable } from '../../src/base/log.ts';

function logged(
  level: LogLevel,
  format: LogFormat = 'text',
): { log: ReturnType<typeof createLog>; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ level, format, write: (line) => lines.push(line), now: () => 0 }), lines };
}

describe('the log', () => {
  test.each(logLevels)('at level %s drops what is below it', (level) => {
    const { log, lines } = logged(level);
    for (const each of logLevels) log[each](each);
    const kept = logLevels.slice(0, logLevels.indexOf(level) + 1);
    expect(lines).toEqual(kept.map((each) => `agentcore-bridge ${each}: ${each}\n`));
  });

  test('writes one line of text for each entry, whatever it holds', () => {
    const { log, lines } = logged('debug');
    log.info('a\nb\u001b[2J', { bytes: 3, gone: undefined, text: 'c\r\nd' });
    expect(lines).toEqual(['agentcore-bridge info: a\\x0ab\\x1b[2J (bytes=3 text=c\\x0d\\x0ad)\n']);
  });

  test('writes one line of JSON for each entry, with its time, level and fields', () => {
    const { log, lines } = logged('debug', 'json');
    log.warn('a\nb', { bytes: 3, isLive: true, gone: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'warn',
      message: 'a\nb',
      bytes: 3,
      isLive: true,
    });
  });
});

test('printable text keeps letters of every script, and has no control characters, C1 ones included', () => {
  expect(printable('grüße 日本 😀\u0000\t\u007f\u009b')).toBe('grüße 日本 😀\\x00\\x09\\x7f\\x9b');
});
