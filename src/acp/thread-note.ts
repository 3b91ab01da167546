import { z } from 'zod';

/** What is known of one of an agent's sessions. */
export interface KnownSession {
  /** Its directory in the microVM: the same for ever, since agents refuse to load a session from another one. */
  readonly cwd: string;
  /** The client's own directory, where it named one. */
  readonly localCwd?: string | undefined;
  /** The epoch whose agent holds it. */
  readonly epoch?: string | undefined;
  /** Under which request the agent is at a turn of it, for all we know. */
  readonly turn?: number | undefined;
  /** The session that the agent has in its place, since it could not bring this one back. */
  readonly became?: string | undefined;
  /** What the agent answered when it was opened, as JSON text, where that is short. */
  readonly opened?: string | undefined;
}

/** What a bridge leaves in the microVM for those that come to the thread later. */
export interface ThreadNote {
  /** By the agent's ids. */
  readonly sessions: Readonly<Record<string, KnownSession>>;
  /** The session that a conversation of a chat goes on in. */
  readonly current?: string | undefined;
}

export const emptyThreadNote: ThreadNote = { sessions: {} };

/** Undefined for what is no note of ours: a microVM is not trusted to give back what was left in it. */
export function parseThreadNote(text: string | undefined): ThreadNote | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The id under which the agent has the session now that it, or an agent before it, once called `agentId`. */
export function presentId({ sessions }: ThreadNote, agentId: string): string {
  const seen = new Set<string>();
  let id = agentId;
  for (let next = sessions[id]?.became; next !== undefined && !seen.has(next); next = sessions[id]?.became) {
    seen.add(id);
    id = next;
  }
  return id;
}

/** The id that the session had when a client got to know it. */
export function firstId({ sessions }: ThreadNote, agentId: string): string {
  const entries = Object.entries(sessions);
  const seen = new Set<string>();
  let id = agentId;
  while (!seen.has(id)) {
    seen.add(id);
    id = entries.find(([, { became }]) => became === id)?.[0] ?? id;
  }
  return id;
}

const schema = z.object({
  sessions: z.record(
    z.string(),
    z.object({
      cwd: z.string(),
      localCwd: z.string().optional(),
      epoch: z.string().optional(),
      turn: z.number().optional(),
      became: z.string().optional(),
      opened: z.string().optional(),
    }),
  ),
  current: z.string().optional(),
});
