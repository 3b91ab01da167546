/**
 * Measures the bridge, each figure beside its limit and in turns with it: `npm run bench`. `--only start,memory` measures
 * these parts, `--json FILE` writes the figures there as well. Absolute times tell of the machine; the ratios, of the bridge.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { delayFigures } from './delay.ts';
import { type Figure, table } from './figures.ts';
import { memoryFigures } from './memory.ts';
import { reattachFigures } from './reattach.ts';
import { roundTripFigures } from './round-trip.ts';
import { repository } from './stage.ts';
import { startFigures } from './start.ts';
import { throughputFigures } from './throughput.ts';

const parts: Readonly<Record<string, () => Promise<Figure[]>>> = {
  start: () => startFigures(),
  'round-trip': () => roundTripFigures(),
  throughput: () => throughputFigures(),
  reattach: () => reattachFigures(),
  delay: () => delayFigures(),
  memory: () => memoryFigures(),
};
const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'string' } } });
const wanted = values.only?.split(',') ?? Object.keys(parts);
const unknown = wanted.find((name) => parts[name] === undefined);
if (unknown !== undefined) throw new Error(`there is no part "${unknown}": ${Object.keys(parts).join(', ')}`);

// What is measured is what is built.
execFileSync(process.execPath, ['scripts/build.ts'], { cwd: repository, stdio: 'inherit' });
const figures: Figure[] = [];
for (const name of wanted) {
  process.stderr.write(`measuring ${name}\n`);
  figures.push(...((await parts[name]?.()) ?? []));
}
const machine = `Node.js ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GB`;
process.stdout.write(`${machine}\n\n${table(figures)}\n`);
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ machine, date: new Date().toISOString(), figures }, null, 2)}\n`,
  );
}
