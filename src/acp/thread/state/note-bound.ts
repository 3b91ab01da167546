import { type KnownSession, presentId, type ThreadNote } from './note.ts';

/**
 * Bytes of a note as JSON in UTF-8. The host's handshake takes 512 KB of a line, of which base64 makes three quarters: half
 * of that is left for what a later version may add.
 */
export const maxNoteBytes = 128 * 1024;

/**
 * What is left of a note that is over {@link maxNoteBytes}. What the agent said of sessions when they were opened goes
 * first, since it says that again at the next opening; then whole sessions with all whose place they took. Of both, the
 * oldest go first. Sessions that the agent of `epoch` holds go after all others, then those with a turn open, then the
 * current one.
 */
export function pruned(note: ThreadNote, epoch: string | undefined): ThreadNote {
  const excess = { bytes: bytesOf(note) - targetBytes };
  const sessions = new Map(Object.entries(note.sessions));
  const all = inOrder(note, epoch);
  const [free, bound] = [all.filter(({ rank }) => rank === 0), all.filter(({ rank }) => rank > 0)];
  for (const some of [free, bound]) {
    for (const { ids } of some)
      for (const id of ids) excess.bytes -= withoutOpened(sessions, id, excess.bytes);
    for (const { ids } of some) {
      if (excess.bytes <= 0) break;
      for (const id of ids) excess.bytes -= without(sessions, id);
    }
  }
  const { current } = note;
  const isCurrentLeft = current !== undefined && sessions.has(current);
  return {
    sessions: Object.fromEntries(sessions),
    ...(isCurrentLeft ? { current } : {}),
    ...(sessions.size < Object.keys(note.sessions).length || note.isPruned === true
      ? { isPruned: true }
      : {}),
  };
}

/** What a note is left with: so much less than the bound that it is not over it again at the next change. */
const targetBytes = (maxNoteBytes / 4) * 3;

/** A session with all whose place it took. */
interface Chain {
  readonly ids: string[];
  /** 0: nothing needs it now. */
  rank: number;
  used: number;
}

/** The chains of a note, in the order in which they may go. */
function inOrder(note: ThreadNote, epoch: string | undefined): Chain[] {
  const current = note.current === undefined ? undefined : presentId(note, note.current);
  const chains = new Map<string, Chain>();
  for (const [id, session] of Object.entries(note.sessions)) {
    const last = presentId(note, id);
    const chain = chains.get(last) ?? { ids: [], rank: 0, used: 0 };
    chains.set(last, chain);
    chain.ids.push(id);
    chain.rank = Math.max(chain.rank, last === current ? 3 : rankOf(session, epoch));
    chain.used = Math.max(chain.used, session.used ?? 0);
  }
  return [...chains.values()].toSorted((a, b) => a.rank - b.rank || a.used - b.used);
}

function rankOf(session: KnownSession, epoch: string | undefined): number {
  // A turn of another epoch is over.
  if (epoch === undefined || session.epoch !== epoch) return 0;
  return session.turn === undefined ? 1 : 2;
}

/** Takes out what the agent said of a session, if there is an excess. Returns the bytes that this saved. */
function withoutOpened(sessions: Map<string, KnownSession>, id: string, excess: number): number {
  const session = sessions.get(id);
  if (excess <= 0 || session?.opened === undefined) return 0;
  const { opened: _, ...rest } = session;
  sessions.set(id, rest);
  return bytesOf(session) - bytesOf(rest);
}

function without(sessions: Map<string, KnownSession>, id: string): number {
  // Less one brace: the other counts for the comma.
  const bytes = bytesOf({ [id]: sessions.get(id) }) - 1;
  sessions.delete(id);
  return bytes;
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
