import process from 'node:process';
import { printable } from '../base/log.ts';

/** Tells the user on stderr what is wrong. */
export function complain(...lines: readonly string[]): void {
  process.stderr.write(`agentcore-bridge: ${lines.map(printable).join('\n')}\n`);
}
