/** Schemas for the values of settings, made with zod. */
import { posix } from 'node:path';
import * as z from 'zod/mini';

export function text() {
  return z.string('must be a text');
}

/** Text that is not empty. */
export function someText() {
  return text().check(z.minLength(1, 'must not be empty'));
}

/** Text that can be a word of bash. */
export function shellText() {
  return someText().check(z.regex(/^[^\0]*$/, 'must not hold a NUL character'));
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `must be one of ${words.join(', ')}`);
}

/** A list of items. */
export function listOf<Item extends z.ZodMiniType>(item: Item) {
  return z.array(item, 'must be a list');
}

/** A DNS name. */
export function hostName() {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  return text().check(
    z.regex(
      new RegExp(String.raw`^(?=.{1,253}$)${label}(?:\.${label})*$`, 'i'),
      'must be a host name, without a port',
    ),
  );
}

/** On or off: a flag without a value gives a boolean, a variable gives text. */
export function truth() {
  return onOrOff(['1', 'true'], ['0', 'false'], 'must be 1 or 0');
}

/** On or off, in a variable of AWS's: AWS's tools accept these two words, in any case. */
export function awsTruth() {
  return onOrOff(['true'], ['false'], 'must be true or false');
}

function onOrOff(on: readonly string[], off: readonly string[], fault: string) {
  return reading(z.union([z.boolean(), text()], fault), fault, (given) => {
    if (typeof given === 'boolean') return given;
    const word = given.toLowerCase();
    if (on.includes(word)) return true;
    return off.includes(word) ? false : undefined;
  });
}

/** A time in milliseconds: `500ms`, `20s`, `5m`, `1h`; and 0. */
export function duration() {
  return reading(
    text(),
    'must be a time of at most 24h, such as 500ms, 20s, 5m or 1h, or 0',
    (given): number | undefined => {
      if (given === '0') return 0;
      const [, digits, unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(given) ?? [];
      const ms = Number(digits) * (unitMs[unit] ?? NaN);
      return ms <= longestMs ? ms : undefined;
    },
  );
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** No agent lives longer than 8 hours, and a timer takes at most 24 days. */
const longestMs = 24 * 3_600_000;

/** A size in bytes, with or without a unit. */
export function size() {
  return reading(text(), 'must be a size from 64KB to 1GB, such as 64MB', (given) => {
    const [, digits, unit = ''] = /^(\d+)(KB|MB|GB)?$/i.exec(given) ?? [];
    const bytes = Number(digits) * 1024 ** ['', 'KB', 'MB', 'GB'].indexOf(unit.toUpperCase());
    return bytes >= minMessageBytes && bytes <= maxMessageBytes ? bytes : undefined;
  });
}

/** The agent's answers to `initialize` and its lists of commands alone take more than half of it. */
const minMessageBytes = 64 * 1024;
/** A message is held as one piece of memory. */
const maxMessageBytes = 1024 ** 3;

/** A TCP port. */
export function port() {
  return z.pipe(
    text().check(z.regex(/^\d+$/, 'must be a number')),
    reading(text(), 'must be at most 65535', (digits) =>
      Number(digits) <= 65_535 ? Number(digits) : undefined,
    ),
  );
}

/** `KEY=VALUE`, for the environment. */
export function assignment() {
  return reading(
    text(),
    'must be KEY=VALUE, with letters, digits and _ in KEY',
    (given): [name: string, value: string] | undefined => {
      const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(given) ?? [];
      return name === undefined || value === undefined || value.includes('\0') ? undefined : [name, value];
    },
  );
}

/** A JSON object. */
export function jsonObject() {
  return reading(text(), 'must be a JSON object, such as {"loadSession":true}', (given) => {
    try {
      const value: unknown = JSON.parse(given);
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Readonly<Record<string, unknown>>)
        : undefined;
    } catch {
      return undefined;
    }
  });
}

/** A path below HOME, reduced to its part below HOME: `.claude` of `.claude`, `~/.claude/` and `./.claude`. */
export function pathUnderHome() {
  return reading(
    text(),
    'must be a path below HOME, relative to it or with ~/ in front, without ..',
    (given) => {
      const path = given.replace(/^~\//, '');
      if (path.startsWith('/') || path === '~' || !isOneLine(path)) return undefined;
      const parts = path.split('/').filter((part) => part !== '' && part !== '.');
      return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
    },
  );
}

/** An absolute path without `.` and `..`. */
export function absolutePath() {
  return reading(text(), 'must be an absolute path', (given) =>
    given.startsWith('/') && isOneLine(given) ? plainPath(given) : undefined,
  );
}

/** `LOCAL=REMOTE`, two absolute paths, divided at the first `=` in front of a `/`. */
export function pathMapping() {
  return reading(text(), 'must be LOCAL=REMOTE, both absolute paths', (given) => {
    const [, local, remote] = /^(\/.*?)=(\/.*)$/.exec(given) ?? [];
    if (local === undefined || remote === undefined || !isOneLine(given)) return undefined;
    return { local: plainPath(local), remote: plainPath(remote) };
  });
}

function plainPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '');
}

function isOneLine(given: string): boolean {
  return !/[\0\n\r]/.test(given);
}

/** A schema that converts the values of `schema` with `read`. `fault` is the message if `read` returns nothing. */
function reading<Given extends z.ZodMiniType, Value>(
  schema: Given,
  fault: string,
  read: (given: z.output<Given>) => Value | undefined,
) {
  return z.pipe(
    schema,
    z.transform((given: z.output<Given>, context): Value => {
      const value = read(given);
      if (value !== undefined) return value;
      context.issues.push({ code: 'custom', message: fault, input: given });
      return z.NEVER;
    }),
  );
}
