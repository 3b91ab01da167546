import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';
import type { Log } from '../base/log.ts';
import { fingerprint } from './fingerprint.ts';

/** Stores on this machine what an agent last said. Without a place for it nothing is stored, and nothing fails. */
export interface CapabilityCache {
  /** The text that was last written for such a client, a JSON object; undefined if there is none. */
  readonly read: (client: string) => string | undefined;
  /** Stores a JSON object, whole or not at all. */
  readonly write: (client: string, text: string) => void;
}

export interface CapabilityCacheOptions {
  /** Runtime, qualifier and agent name the file: the same three have the same agent. */
  readonly runtime: string;
  readonly qualifier: string;
  readonly command: string;
  /** Gives `XDG_CACHE_HOME` and `HOME`. Default: this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/**
 * A file in `$XDG_CACHE_HOME/agentcore-bridge/`, or `$HOME/.cache/agentcore-bridge/`. Nothing throws: errors are logged
 * at level debug. If several processes write at once, one of them wins.
 */
export function capabilityCache({
  runtime,
  qualifier,
  command,
  env = process.env,
  log,
}: CapabilityCacheOptions): CapabilityCache {
  const directory = cacheDirectory(env);
  if (directory === undefined) {
    log.debug('no place for a cache: neither XDG_CACHE_HOME nor HOME is an absolute path');
    return { read: () => undefined, write: () => undefined };
  }
  const fileOf = (client: string): string =>
    join(directory, `${fingerprint([runtime, qualifier, command, client])}.json`);
  const read = (client: string): string | undefined => {
    const file = fileOf(client);
    try {
      return readWhole(file);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') log.debug('the cache can not be read', { file, error: codeOf(error) });
      return undefined;
    }
  };
  const write = (client: string, text: string): void => {
    const file = fileOf(client);
    try {
      if (text !== read(client)) writeWhole(directory, file, text);
    } catch (error) {
      log.debug('the cache can not be written', { file, error: codeOf(error) });
    }
  };
  return { read, write };
}

/** The XDG base directory specification: a relative path must be ignored. */
function cacheDirectory({
  XDG_CACHE_HOME = '',
  HOME = '',
}: Readonly<Record<string, string | undefined>>): string | undefined {
  if (isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, 'agentcore-bridge');
  return isAbsolute(HOME) ? join(HOME, '.cache', 'agentcore-bridge') : undefined;
}

/** Throws if the file is missing, too large, or no JSON object. */
function readWhole(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    if (!isFit(fstatSync(descriptor).size)) throw new Damage('too large');
    const text = readFileSync(descriptor, 'utf8');
    check(text);
    return text;
  } finally {
    closeSync(descriptor);
  }
}

function writeWhole(directory: string, file: string, text: string): void {
  if (!isFit(Buffer.byteLength(text))) throw new Damage('too large');
  check(text);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    writeFileSync(unfinished, text, { mode: 0o600, flag: 'wx' });
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** A longer answer is not stored, so such an agent is asked each time. */
function isFit(bytes: number): boolean {
  return bytes <= 1024 * 1024;
}

function check(text: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Damage('no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Damage('no object');
}

class Damage extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`the content is ${code}`);
    this.code = code;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
