/**
 * Imports under `src/` point one way: a folder may use the folders that its row names, and itself; so may a room within a
 * folder. A new folder needs a row here, and `docs/architecture.md` a sentence.
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

/** The rooms of a folder, each above those that its row names. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  'acp/message': [],
  'acp/client': ['acp/message'],
  'acp/thread/state': ['acp/client', 'acp/message'],
  'acp/thread/sending': ['acp/thread/state', 'acp/client', 'acp/message'],
  'acp/thread': ['acp/thread/sending', 'acp/thread/state', 'acp/client', 'acp/message'],
  'acp/routing': ['acp/thread', 'acp/thread/sending', 'acp/thread/state', 'acp/client', 'acp/message'],
  'agent/host': ['agent'],
  'agent/keep': ['agent'],
  'agent/resume': ['agent', 'agent/host', 'agent/keep'],
  agent: [],
};

const src = join(import.meta.dirname, '..', 'src');
const folderOf = (path: string): string => relative(src, path).split(sep)[0] ?? '';
const roomOf = (path: string): string => relative(src, dirname(path)).split(sep).join('/');
const faults: string[] = [];
for (const file of globSync(join(src, '**/*.ts'))) {
  const text = readFileSync(file, 'utf8');
  const from = folderOf(file);
  for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const path = join(dirname(file), target);
    const to = folderOf(path);
    if (to !== from && !mayImport[from]?.includes(to)) {
      faults.push(`${relative(src, file)} imports ${target}: src/${from} may not use src/${to}`);
    }
    const [room, other] = [roomOf(file), roomOf(path)];
    if (to === from && room !== other && rooms[room]?.includes(other) !== true) {
      faults.push(`${relative(src, file)} imports ${target}: src/${room} may not use src/${other}`);
    }
  }
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
