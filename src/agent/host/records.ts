import type { Notes, Provisions, SaveResult } from '../agent-link.ts';

/**
 * What the host prints of its own accord: lines that begin with RS (0x1E), a byte that no JSON text holds.
 *
 * ```
 * RS acb NONCE need                                              the agent is to be started
 * RS acb NONCE note agent|thread BASE64                          what earlier bridges left; before `begin`
 * RS acb NONCE storage                                           it waits for storage to be mounted; before `begin`
 * RS acb NONCE keeping kept|no-mount|no-tar|late                 whether the agent is saved; before `begin`
 * RS acb NONCE environment found|none                            whether the image's environment could be read; before `begin`
 * RS acb NONCE saved ok|full|failed                              how the last save went, where there was one; before `begin`
 * RS acb NONCE begin EPOCH live|dead IN OUT SHA1 DELIVERED:OPEN,OPEN CWD   attached: the output follows
 * RS acb NONCE taken                                             another bridge was here since: not attached
 * RS acb NONCE fail WHAT…                                        it can't work
 * RS acb NONCE end                                               detached
 * RS exit EPOCH CODE STDERR                                      in the agent's output: how it ended, stderr's end in base64
 * ```
 */
export type HostRecord =
  | { readonly is: 'need' }
  | { readonly is: 'taken' }
  | { readonly is: 'storage' }
  | { readonly is: 'note'; readonly kind: NoteKind; readonly text: string }
  | { readonly is: 'keeping'; readonly keeping: Keeping }
  | { readonly is: 'environment'; readonly environment: Environment }
  | { readonly is: 'saved'; readonly result: SaveResult }
  | {
      readonly is: 'begin';
      readonly epoch: string;
      /** Whether its agent runs. Of a dead one there is output left, and how it ended. */
      readonly isLive: boolean;
      /** Bytes of input that have arrived. */
      readonly inSize: number;
      /** Offset of the first byte of output that follows. */
      readonly outOffset: number;
      /** SHA-1 of the input behind what was acknowledged, in hex; undefined where there is none. */
      readonly checksum: string | undefined;
      /** What the last bridge said of its client; undefined where the asking bridge knows better. */
      readonly checkpoint: Checkpoint | undefined;
      readonly cwd: string;
    }
  | { readonly is: 'fail'; readonly what: string };

export type NoteKind = keyof Notes;
export type Keeping = Provisions['keeping'];
export type Environment = Provisions['environment'];

/** How far a client got: all output before `delivered`, but for the lines that begin at the offsets in `open`. */
export interface Checkpoint {
  readonly delivered: number;
  readonly open: readonly number[];
}

export interface ExitRecord {
  readonly epoch: string;
  /** 128 + N for signal N. */
  readonly code: number;
  readonly stderr: string;
}

/** First byte of a line of the host or the bridge. */
export const recordSeparator = 0x1e;

/** Reads a line (without its newline) that the host printed to the attach with this nonce; undefined if it is none. */
export function parseHostRecord(line: Uint8Array, nonce: string): HostRecord | undefined {
  const text = decoder.decode(line).replace(/\r$/, '');
  const prefix = `\u001eacb ${nonce} `;
  const from = text.indexOf(prefix);
  if (from < 0) return undefined;
  const [kind, ...words] = text.slice(from + prefix.length).split(' ');
  if (kind === 'need' || kind === 'taken' || kind === 'storage') return { is: kind };
  if (kind === 'fail') return { is: 'fail', what: words.join(' ') };
  if (kind === 'begin') return parseBegin(words);
  const [first = '', second = ''] = words;
  if (kind === 'note' && isNoteKind(first)) return { is: 'note', kind: first, text: fromBase64(second) };
  if (kind === 'keeping' && isKeeping(first)) return { is: 'keeping', keeping: first };
  if (kind === 'environment' && (first === 'found' || first === 'none')) {
    return { is: 'environment', environment: first };
  }
  if (kind === 'saved' && isSaveResult(first)) return { is: 'saved', result: first };
  return undefined;
}

/** The nonce of the attach of which a line (without its newline) says that its host detached; undefined if it says none. */
export function parseEndRecord(line: Uint8Array): string | undefined {
  return /\u001eacb (\S+) end\r?$/.exec(decoder.decode(line))?.[1];
}

/** Reads a line of the agent's output that begins with RS; undefined if it is no exit of this epoch. */
export function parseExitRecord(line: Uint8Array, epoch: string): ExitRecord | undefined {
  const match = /^\u001eexit (\S+) (\d+) (\S+)$/.exec(decoder.decode(line));
  if (match?.[1] !== epoch) return undefined;
  const [, , code, stderr = '-'] = match;
  return {
    epoch,
    code: Number(code),
    stderr: stderr === '-' ? '' : fromBase64(stderr),
  };
}

/**
 * A line of input that is for the host alone: how far the client got. It also puts an end to a line that was left
 * half-written, since the agent is spared every line that holds RS.
 */
export function checkpointLine({ delivered, open }: Checkpoint): Uint8Array {
  return new TextEncoder().encode(`\u001eack ${delivered}:${open.join(',')};\n`);
}

/** A line of input that is for the host, and for later bridges; `turn` says `1` while one is open, else `0`. */
export function noteLine(kind: NoteKind | 'turn', text: string): Uint8Array {
  return new TextEncoder().encode(`\u001enote ${kind} ${Buffer.from(text).toString('base64')};\n`);
}

const decoder = new TextDecoder();

function fromBase64(text: string): string {
  return decoder.decode(Buffer.from(text, 'base64'));
}

function isNoteKind(word: string): word is NoteKind {
  return word === 'agent' || word === 'thread';
}

function isKeeping(word: string): word is Keeping {
  return word === 'kept' || word === 'no-mount' || word === 'no-tar' || word === 'late';
}

function isSaveResult(word: string): word is SaveResult {
  return word === 'ok' || word === 'full' || word === 'failed';
}

function parseBegin(words: readonly string[]): HostRecord | undefined {
  const [epoch = '', life, inSize, outOffset, checksum, checkpoint = '-', ...cwd] = words;
  const record = {
    is: 'begin',
    epoch,
    isLive: life === 'live',
    inSize: parseOffset(inSize),
    outOffset: parseOffset(outOffset),
    checksum: checksum === '-' ? undefined : checksum,
    checkpoint: parseCheckpoint(checkpoint),
    cwd: cwd.join(' '),
  } as const;
  const isWhole =
    /^\w+$/.test(epoch) &&
    !Number.isNaN(record.inSize) &&
    !Number.isNaN(record.outOffset) &&
    (record.checksum === undefined || /^[0-9a-f]{40}$/.test(record.checksum)) &&
    record.cwd.startsWith('/');
  return isWhole ? record : undefined;
}

function parseCheckpoint(text: string): Checkpoint | undefined {
  const match = /^(\d+):((?:\d+,)*\d*)$/.exec(text);
  if (match === null) return undefined;
  const [, delivered, open = ''] = match;
  const offsets = open.split(',').filter(Boolean);
  const checkpoint = { delivered: parseOffset(delivered), open: offsets.map(parseOffset) };
  // No client leaves so many requests open: a microVM that says so is not believed.
  if (offsets.length > maxOpen || [checkpoint.delivered, ...checkpoint.open].some(Number.isNaN))
    return undefined;
  return checkpoint;
}

const maxOpen = 10_000;

/** NaN for what is none. */
function parseOffset(text = ''): number {
  const offset = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(offset) ? offset : Number.NaN;
}
