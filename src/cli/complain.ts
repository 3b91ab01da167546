import process from 'node:process';
import { printable } from '../base/log.ts';

/** Tells the person what is wrong, on stderr. */
export function complain(text: string): void {
  process.stderr.write(`agentcore-bridge: ${text.split('\n').map(printable).join('\n')}\n`);
}
