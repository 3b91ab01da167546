/**
 * Imports under `src/` point one way: a folder may use the folders that its row names, and itself. A new folder
 * needs a row here, and `docs/architecture.md` a sentence.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import process from 'node:process';

const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  aws: ['base'],
  shell: ['aws', 'base'],
  agent: ['shell', 'base'],
  acp: ['agent', 'base'],
  config: ['aws', 'base'],
  local: ['shell', 'base'],
  cli: ['acp', 'agent', 'shell', 'aws', 'local', 'config', 'base'],
};

const src = join(import.meta.dirname, '..', 'src');
const folderOf = (path: string): string => relative(src, path).split(sep)[0] ?? '';
const faults: string[] = [];
for (const file of globSync(join(src, '**/*.ts'))) {
  const text = readFileSync(file, 'utf8');
  const from = folderOf(file);
  for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const to = folderOf(join(dirname(file), target));
    if (to !== from && !mayImport[from]?.includes(to)) {
      faults.push(`${relative(src, file)} imports ${target}: src/${from} may not use src/${to}`);
    }
  }
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
