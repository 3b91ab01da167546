import { setTimeout as delay } from 'node:timers/promises';
import { Random } from './random.ts';
import type { Stage } from './stage.ts';

interface ConversationOptions {
  readonly stage: Stage;
  readonly session: string;
  readonly random: Random;
  /** At most so many updates in a turn. */
  readonly updates: number;
  /** Whether the next turn is the last one. */
  readonly isOver: () => boolean;
  /** Called behind each turn that was answered, with when it began. */
  readonly onTurn: (beganAt: number) => Promise<void>;
}

/** Conversations in all these sessions, side by side, as the seed has them. */
export async function converseInAll(
  sessions: readonly string[],
  seed: number,
  options: Omit<ConversationOptions, 'session' | 'random'>,
): Promise<void> {
  const conversations = sessions.map((session, i) =>
    converse({ ...options, session, random: new Random(seed * 31 + i) }),
  );
  await Promise.all(conversations);
}

/**
 * The client's side of one session: some notifications, a prompt, and again when that is answered, whichever bridge is
 * there. Resolves when a last turn was answered that began behind the end.
 */
async function converse(options: ConversationOptions): Promise<void> {
  const { stage, session, random } = options;
  let heldBy = stage.bridge;
  for (;;) {
    const bridge = await stage.ready;
    if (heldBy !== bridge) {
      const reply = await stage.reopen(bridge, session);
      if (reply.error === undefined) heldBy = bridge;
      // Also where the bridge is gone: another may come later, and timers must have their turn.
      else await delay(50);
      continue;
    }
    const isLast = options.isOver();
    const notifications = random.between(0, 20);
    for (let i = 0; i < notifications && bridge === stage.bridge; i += 1) {
      await stage.say(bridge, session, bytesOf(random));
    }
    if (bridge !== stage.bridge) continue;
    const beganAt = performance.now();
    const turn = {
      updates: random.between(0, options.updates),
      bytes: bytesOf(random),
      ask: random.chance(0.2),
    };
    if ((await stage.prompt(bridge, session, turn)) !== 'answered') continue;
    if (isLast) return;
    await options.onTurn(beganAt);
  }
}

/** Mostly short, sometimes a frame, seldom far over what a PTY takes at once. */
function bytesOf(random: Random): number {
  if (random.chance(0.97)) return random.magnitude(1, 300);
  return random.chance(0.95) ? random.magnitude(300, 20_000) : random.magnitude(20_000, 400_000);
}
