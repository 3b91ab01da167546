/**
 * The bridge with the times shrunk in which it finds out that a connection is dead, and leaves one before the hour's end: what
 * takes minutes then takes seconds. All else is what bin/ runs, bundled alike.
 */
import { main } from '../../src/cli/main.ts';
import { defaultLimits, type ShellLimits } from '../../src/shell/limits.ts';

const hurried: Partial<ShellLimits> = {
  upgradeMs: 3000,
  connectMs: 2000,
  pingEveryMs: 1000,
  pongWithinMs: 1000,
  // An attach may take 3 s where the confirmation never comes.
  handOverAfterMs: 4000,
  handOverByMs: 5500,
  quietMs: 20,
};
Object.assign(defaultLimits, hurried);
void main();
