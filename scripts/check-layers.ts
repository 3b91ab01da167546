/**
 * Checks the imports under `src/`. A folder may import itself and the folders that its row names, and so may a room
 * within a folder. Files must not import each other in a circle, types included. No folder may have too many files. A
 * new folder needs a row here, and a sentence in `docs/architecture.md`. `node scripts/check-layers.ts DIRECTORY`
 * checks another tree than `src/`, for tests.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import process from 'node:process';

const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  aws: ['base'],
  shell: ['aws', 'base'],
  agent: ['shell', 'base'],
  acp: ['agent', 'base'],
  config: ['aws', 'base'],
  local: ['base'],
  cli: ['acp', 'agent', 'shell', 'aws', 'local', 'config', 'base'],
};

/** The rooms of a folder, and the rooms that each may import. */
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
  'local/behaviour': [],
  'local/microvm': [],
  'local/sessions': ['local/behaviour', 'local/microvm'],
  'local/http': ['local/behaviour', 'local/sessions'],
  local: ['local/behaviour', 'local/http', 'local/microvm', 'local/sessions'],
};

/** Most files of any kind in one folder, those of its subfolders not counted. */
const mostFiles = 25;

const src = resolve(process.argv[2] ?? join(import.meta.dirname, '..', 'src'));
const folderOf = (path: string): string => relative(src, path).split(sep)[0] ?? '';
const roomOf = (path: string): string => relative(src, dirname(path)).split(sep).join('/');
const faults: string[] = [];
/** What each file imports from `src/`, as absolute paths. */
const imports = new Map<string, string[]>();
for (const file of globSync(join(src, '**/*.ts'))) {
  const text = readFileSync(file, 'utf8');
  const from = folderOf(file);
  const targets: string[] = [];
  imports.set(file, targets);
  for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const path = join(dirname(file), target);
    const to = folderOf(path);
    targets.push(path);
    if (to !== from && !mayImport[from]?.includes(to)) {
      faults.push(`${relative(src, file)} imports ${target}: src/${from} may not use src/${to}`);
    }
    const [room, other] = [roomOf(file), roomOf(path)];
    if (to === from && room !== other && rooms[room]?.includes(other) !== true) {
      faults.push(`${relative(src, file)} imports ${target}: src/${room} may not use src/${other}`);
    }
  }
}
for (const circle of circles()) {
  faults.push(
    `${circle.map((file) => relative(src, file)).join(' → ')}: a circle of imports; what both need belongs in a file below both`,
  );
}
const files = globSync(join(src, '**/*'), { withFileTypes: true }).filter((entry) => entry.isFile());
for (const [folder, all] of Map.groupBy(files, ({ parentPath }) => parentPath)) {
  if (all.length > mostFiles) {
    faults.push(
      `${relative(src, folder) || 'src'} has ${all.length} files, and ${mostFiles} are the most: make rooms`,
    );
  }
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

/** Each circle as the files along it, the first of them again at the end; one for each import that closes one. */
function circles(): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return found;
}
