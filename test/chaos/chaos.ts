/**
 * `npm run chaos -- --seed N --messages M --faults F`: so many numbered messages between a client and an agent, through the
 * real bridge and the local AgentCore, under so many faults. Prints what came of it; ends with 1 if anything was lost,
 * came twice or came out of order that may not.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { setup } from '../e2e/build.ts';
import { faultKinds } from './faults.ts';
import { integrityKinds } from './integrity-faults.ts';
import { runChaos } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    messages: { type: 'string', default: '20000' },
    faults: { type: 'string', default: '100' },
    lanes: { type: 'string', default: '2' },
    /** shipped or hurried; without: half of the lanes each. */
    pace: { type: 'string' },
    /** How the agents bring sessions back: resume, load or none; without: the seed decides. */
    memory: { type: 'string' },
    /** Kinds of faults, comma-separated: no others. */
    only: { type: 'string' },
    /** Prints the names of all kinds, and ends. */
    list: { type: 'boolean', default: false },
    /** The bridge's; what it wrote last is printed where it got stuck. */
    'log-level': { type: 'string', default: 'warn' },
  },
});

if (values.list) {
  for (const { name } of [...faultKinds, ...integrityKinds]) process.stdout.write(`${name}\n`);
  process.exit(0);
}
setup();
let told = 0;
const isTerminal = process.stderr.isTTY;
const result = await runChaos({
  seed: Number(values.seed),
  messages: Number(values.messages),
  faults: Number(values.faults),
  lanes: Number(values.lanes),
  pace: values.pace === undefined ? undefined : values.pace === 'hurried' ? 'hurried' : 'shipped',
  memory: (['resume', 'load', 'none'] as const).find((each) => each === values.memory),
  only: values.only?.split(',').map((name) => name.trim()),
  args: ['--log-level', values['log-level']],
  onProgress: ({ messages, faults, complaints }) => {
    for (; told < complaints.length; told += 1)
      process.stderr.write(`${new Date().toISOString()} ${complaints[told]}\n`);
    const text = `${messages} messages, ${faults} faults`;
    if (isTerminal) process.stderr.write(`\r${text}   `);
    else if (faults % 50 === 0) process.stderr.write(`${text}\n`);
  },
});
process.stdout.write(`${isTerminal ? '\n' : ''}${result.table}\n`);
process.exit(result.isWhole ? 0 : 1);
