import { posix } from 'node:path';
import { Schema, text } from './schema.ts';

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  words: Words,
): Schema<Words[number]> {
  return text().map((given) => {
    const value = words.find((word) => word === given);
    return value === undefined ? { fault: `must be one of ${words.join(', ')}` } : { value };
  });
}

/** Text that can be a word of bash. */
export function shellText() {
  return someText().check((given) => !given.includes('\0'), 'must not hold a NUL character');
}

/** Any text but none. */
export function someText(fault?: string) {
  return text(fault).check((given) => given !== '', 'must not be empty');
}

/** Something that is on or off: a flag without a value gives a boolean, a variable gives text. */
export function truth() {
  return new Schema((given) => {
    const value = typeof given === 'boolean' ? given : truths.get(String(given).toLowerCase());
    return value === undefined ? { fault: 'must be 1 or 0' } : { value };
  });
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);

/** The same where the variable is AWS's: AWS's tools know these two words, in any case. */
export function awsTruth() {
  return new Schema((given) => {
    const value = typeof given === 'boolean' ? given : awsTruths.get(String(given).toLowerCase());
    return value === undefined ? { fault: 'must be true or false' } : { value };
  });
}

const awsTruths: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/** A time in milliseconds: `500ms`, `20s`, `5m`, `1h`; and 0. */
export function duration() {
  return reading(
    'must be a time of at most 24h, such as 500ms, 20s, 5m or 1h, or 0',
    (text): number | undefined => {
      if (text === '0') return 0;
      const [, digits, unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
      const ms = Number(digits) * (unitMs[unit] ?? NaN);
      return ms <= longestMs ? ms : undefined;
    },
  );
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** No agent lives longer than 8 hours, and a timer takes 24 days. */
const longestMs = 24 * 3_600_000;

/** A size in bytes, with or without a unit. */
export function size() {
  return reading('must be a size from 64KB to 1GB, such as 64MB', (text) => {
    const [, digits, unit = ''] = /^(\d+)(KB|MB|GB)?$/i.exec(text) ?? [];
    const bytes = Number(digits) * 1024 ** ['', 'KB', 'MB', 'GB'].indexOf(unit.toUpperCase());
    return bytes >= minMessageBytes && bytes <= maxMessageBytes ? bytes : undefined;
  });
}

/** What agents say of themselves and their commands alone takes more than half of it. */
const minMessageBytes = 64 * 1024;
/** A message is held as one piece of memory. */
const maxMessageBytes = 1024 ** 3;

/** `KEY=VALUE`, of the environment. */
export function assignment() {
  return reading('must be KEY=VALUE, with letters, digits and _ in KEY', (text) => {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined || value.includes('\0')) return undefined;
    return [name, value] as const;
  });
}

/** An object as JSON. */
export function jsonObject() {
  return reading('must be a JSON object, such as {"loadSession":true}', (text) => {
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Readonly<Record<string, unknown>>)
        : undefined;
    } catch {
      return undefined;
    }
  });
}

/** A path below HOME, without what says so: `.claude` of `.claude`, `~/.claude/` and `./.claude`. */
export function pathUnderHome() {
  return reading('must be a path below HOME, relative to it or with ~/ in front, without ..', (text) => {
    const path = text.replace(/^~\//, '');
    if (path.startsWith('/') || path === '~' || !isOneLine(path)) return undefined;
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
  });
}

/** A path from the root on, without `.` and `..`. */
export function absolutePath() {
  return reading('must be an absolute path', (text) =>
    text.startsWith('/') && isOneLine(text) ? plainPath(text) : undefined,
  );
}

/** `LOCAL=REMOTE`, two absolute paths. The first `=` in front of a `/` divides them. */
export function pathMapping() {
  return reading('must be LOCAL=REMOTE, both absolute paths', (text) => {
    const [, local, remote] = /^(\/.*?)=(\/.*)$/.exec(text) ?? [];
    if (local === undefined || remote === undefined || !isOneLine(text)) return undefined;
    return { local: plainPath(local), remote: plainPath(remote) };
  });
}

function plainPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '');
}

function isOneLine(text: string): boolean {
  return !/[\0\n\r]/.test(text);
}

/** What `read` makes of a text. */
function reading<Value>(fault: string, read: (given: string) => Value | undefined): Schema<Value> {
  return text().map((given) => {
    const value = read(given);
    return value === undefined ? { fault } : { value };
  });
}
