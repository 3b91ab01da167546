import type { Notes, Provisions, SaveResult } from '../agent-link.ts';
import type { Engine } from './numbered-lines.ts';

/**
 * What the host prints of its own accord, between what the agent says: marked by RS (0x1E), a byte that no JSON text holds
 * and that the host takes out of what an agent says. A record is a line:
 *
 * ```
 * RS acb NONCE.ATTEMPT NUMBER LENGTH WHAT NUMBER
 * ```
 *
 * NUMBER counts the records of an attach up from 0, LENGTH the bytes of WHAT, which is one of:
 *
 * ```
 * need                                                    the agent is to be started
 * starting                                                what starts it has arrived
 * storage                                                 it waits for storage to be mounted
 * note agent|thread BASE64                                what earlier bridges left, in pieces
 * keeping kept|no-mount|no-tar|late                       whether the agent is saved
 * environment found|none                                  whether the image's environment could be read
 * saved ok|full|failed                                    how the last save went, where there was one
 * begin EPOCH live|dead IN OUT DELIVERED:OPEN,OPEN perl|awk CWD   attached: the output follows
 * taken                                                   another bridge was here since: not attached
 * fail WHAT…                                              it can't work
 * ```
 *
 * Behind `begin`, sizes of the agent's files may stand between any two bytes of its output, ended by US (0x1F); SUM is that
 * of both:
 *
 * ```
 * RS =QUESTION IN OUT SUM US        an answer
 * RS !NONCE IN OUT SUM US           input is missing behind IN
 * ```
 */
export type HostRecord =
  | { readonly is: 'need' }
  | { readonly is: 'starting' }
  | { readonly is: 'taken' }
  | { readonly is: 'storage' }
  /** `piece` is a part of the note's base64; the next record of that kind continues it. */
  | { readonly is: 'note'; readonly kind: NoteKind; readonly piece: string }
  | { readonly is: 'keeping'; readonly keeping: Keeping }
  | { readonly is: 'environment'; readonly environment: Environment }
  | { readonly is: 'saved'; readonly result: SaveResult }
  | {
      readonly is: 'begin';
      readonly epoch: string;
      /** Whether the agent runs. If it has ended, its remaining output and its exit status follow. */
      readonly isLive: boolean;
      /** Bytes of input that have arrived. */
      readonly inSize: number;
      /** Offset of the first byte of output that follows. */
      readonly outOffset: number;
      /** What the last bridge recorded of its client; undefined for a bridge that is not new to the epoch. */
      readonly checkpoint: Checkpoint | undefined;
      /** The program that checks the bridge's lines there. */
      readonly engine: Engine;
      readonly cwd: string;
    }
  | { readonly is: 'fail'; readonly what: string };

export type NoteKind = keyof Notes;
export type Keeping = Provisions['keeping'];
export type Environment = Provisions['environment'];

/**
 * How far a client got: it has all output before `delivered`, but has not answered the requests that begin at the
 * offsets in `open`.
 */
export interface Checkpoint {
  readonly delivered: number;
  readonly open: readonly number[];
}

/** A record with its place in the host's sequence. */
export interface NumberedRecord {
  readonly nonce: string;
  /** Number of the attempt with this nonce that it answers. */
  readonly attempt: number;
  readonly number: number;
  /** Undefined for a record that this version does not know. */
  readonly record: HostRecord | undefined;
}

/** The sizes of the agent's files, as the host reports them between the agent's output. */
export interface SizeReport {
  /** `answer`: to the question `about`. `missing`: input behind `inSize` is missing, on the attach `about`. */
  readonly is: 'answer' | 'missing';
  readonly about: string;
  readonly inSize: number;
  readonly outSize: number;
}

export interface ExitRecord {
  /** 128 + N for signal N. */
  readonly code: number;
  readonly stderr: string;
}

/** First byte of each line that is the host's or the bridge's. */
export const recordSeparator = 0x1e;
/** Last byte of a size report. */
export const unitSeparator = 0x1f;

/** Reads a line, without its newline, that holds a record of the host. Undefined if it is none, or is damaged. */
export function parseHostRecord(line: Uint8Array): NumberedRecord | undefined {
  const text = latin1(line);
  const match = /\u001eacb (\w+-\d+)\.(\d+) (\d{1,9}) (\d{1,9}) (.*) (\d{1,9})\r?$/s.exec(text);
  if (match === null) return undefined;
  const [, nonce = '', attempt, number, length, what = '', again] = match;
  if (number !== again || what.length !== Number(length)) return undefined;
  return {
    nonce,
    attempt: Number(attempt),
    number: Number(number),
    record: parseWhat(decoder.decode(Buffer.from(what, 'latin1'))),
  };
}

function parseWhat(what: string): HostRecord | undefined {
  const [kind, ...words] = what.split(' ');
  if (kind === 'need' || kind === 'starting' || kind === 'taken' || kind === 'storage') return { is: kind };
  if (kind === 'fail') return { is: 'fail', what: words.join(' ') };
  if (kind === 'begin') return parseBegin(words);
  const [first = '', second = ''] = words;
  if (kind === 'note' && isNoteKind(first)) return { is: 'note', kind: first, piece: second };
  if (kind === 'keeping' && isKeeping(first)) return { is: 'keeping', keeping: first };
  if (kind === 'saved' && isSaveResult(first)) return { is: 'saved', result: first };
  if (kind === 'environment' && (first === 'found' || first === 'none')) {
    return { is: 'environment', environment: first };
  }
  return undefined;
}

/** Reads the bytes between RS and US. Undefined if they are no report, or a damaged one. */
export function parseSizeReport(bytes: Uint8Array): SizeReport | undefined {
  const match = /^([=!])(\S+) (\d{1,15}) (\d{1,15}) (\d{1,16})$/.exec(latin1(bytes));
  if (match === null) return undefined;
  const [, mark, about = '', ...sizes] = match;
  const [inSize = 0, outSize = 0, sum = 0] = sizes.map(Number);
  if (inSize + outSize !== sum) return undefined;
  return { is: mark === '=' ? 'answer' : 'missing', about, inSize, outSize };
}

/** Reads the host's line behind the agent's last output. Undefined if it is no exit. */
export function parseExitRecord(payload: Uint8Array): ExitRecord | undefined {
  const match = /^exit (\d+) (\S+)$/.exec(decoder.decode(payload));
  if (match === null) return undefined;
  const [, code, stderr = '-'] = match;
  return { code: Number(code), stderr: stderr === '-' ? '' : fromBase64(stderr) };
}

/** Decodes a note from the joined pieces of its base64. */
export function noteText(pieces: string): string {
  return fromBase64(pieces);
}

/**
 * A line that asks the host for the sizes of the agent's files. `question` begins with the attach's nonce and a dot.
 */
export function questionLine(question: string): Uint8Array {
  return new TextEncoder().encode(`?${question}\n`);
}

/**
 * A line of input that tells the host how far the client got. It also ends a line that was left half-written: the host
 * withholds every line that holds RS from the agent.
 */
export function checkpointLine({ delivered, open }: Checkpoint): Uint8Array {
  return new TextEncoder().encode(`\u001eack ${delivered}:${open.join(',')};\n`);
}

/**
 * A line of input that leaves a note for the host and for later bridges. `text` of `turn` is `1` while a turn is open,
 * else `0`.
 */
export function noteLine(kind: NoteKind | 'turn', text: string): Uint8Array {
  return new TextEncoder().encode(`\u001enote ${kind} ${Buffer.from(text).toString('base64')};\n`);
}

const decoder = new TextDecoder();

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function fromBase64(text: string): string {
  return decoder.decode(Buffer.from(text, 'base64'));
}

function isNoteKind(word: string): word is NoteKind {
  return word === 'agent' || word === 'thread';
}

function isSaveResult(word: string): word is SaveResult {
  return word === 'ok' || word === 'full' || word === 'failed';
}

function isKeeping(word: string): word is Keeping {
  return word === 'kept' || word === 'no-mount' || word === 'no-tar' || word === 'late';
}

function parseBegin(words: readonly string[]): HostRecord | undefined {
  const [epoch = '', life, inSize, outOffset, checkpoint = '-', engine, ...cwd] = words;
  const record = {
    is: 'begin',
    epoch,
    isLive: life === 'live',
    inSize: parseOffset(inSize),
    outOffset: parseOffset(outOffset),
    checkpoint: parseCheckpoint(checkpoint),
    engine: engine === 'perl' ? 'perl' : 'awk',
    cwd: cwd.join(' '),
  } as const;
  const isWhole =
    /^[0-9a-f]{7,64}$/.test(epoch) &&
    (engine === 'perl' || engine === 'awk') &&
    !Number.isNaN(record.inSize) &&
    !Number.isNaN(record.outOffset) &&
    record.cwd.startsWith('/');
  return isWhole ? record : undefined;
}

function parseCheckpoint(text: string): Checkpoint | undefined {
  const match = /^(\d+):((?:\d+,)*\d*)$/.exec(text);
  if (match === null) return undefined;
  const [, delivered, open = ''] = match;
  const offsets = open.split(',').filter(Boolean);
  const checkpoint = { delivered: parseOffset(delivered), open: offsets.map(parseOffset) };
  // No client leaves so many requests open, so a microVM that says so is not believed.
  if (offsets.length > maxOpen || [checkpoint.delivered, ...checkpoint.open].some(Number.isNaN))
    return undefined;
  return checkpoint;
}

const maxOpen = 10_000;

/** NaN for text that is no offset. */
function parseOffset(text = ''): number {
  const offset = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(offset) ? offset : Number.NaN;
}
