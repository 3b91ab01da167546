import { type KnownSession, presentId, type ThreadNote } from './note.ts';

/**
 * Most bytes of a note, as JSON in UTF-8. The host's handshake takes a line of 512 KB; base64 makes that 384 KB of
 * text. The rest is reserved for later versions.
 */
export const maxNoteBytes = 128 * 1024;

/**
 * Shortens a note that is over {@link maxNoteBytes}. The agent's answers to openings go first, since the next opening
 * brings them again; then whole sessions, with those that they replaced. Of both, the oldest go first. Sessions that
 * the agent of `epoch` holds go after all others, then those with an open turn, then the current one.
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

/** Size of a shortened note: below the bound, so that the next change does not exceed it again. */
const targetBytes = (maxNoteBytes / 4) * 3;

/** A session with all those that it replaced. */
interface Chain {
  readonly ids: string[];
  /** 0: the session is not needed now. */
  rank: number;
  used: number;
}

/** The chains of a note, in the order in which they are dropped. */
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

/** Drops the agent's answer to the opening of a session, if there is an excess. Returns the bytes saved. */
function withoutOpened(sessions: Map<string, KnownSession>, id: string, excess: number): number {
  const session = sessions.get(id);
  if (excess <= 0 || session?.opened === undefined) return 0;
  const { opened: _, ...rest } = session;
  sessions.set(id, rest);
  return bytesOf(session) - bytesOf(rest);
}

function without(sessions: Map<string, KnownSession>, id: string): number {
  // Less one brace; the other one counts for the comma.
  const bytes = bytesOf({ [id]: sessions.get(id) }) - 1;
  sessions.delete(id);
  return bytes;
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
