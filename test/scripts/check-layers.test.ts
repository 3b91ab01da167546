import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';

const script = join(import.meta.dirname, '..', '..', 'scripts', 'check-layers.ts');

/** Resolves to what the check says of a tree of these files. */
async function check(files: Readonly<Record<string, string>>): Promise<{ code: number; stderr: string }> {
  const src = await mkdtemp(join(tmpdir(), 'layers-'));
  onTestFinished(() => rm(src, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(src, name)), { recursive: true });
    await writeFile(join(src, name), text);
  }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, src], (_, __, stderr) => {
      resolve({ code: child.exitCode ?? -1, stderr });
    });
  });
}

test('imports that point down pass', async () => {
  const files = { 'base/log.ts': '', 'aws/arn.ts': "import { log } from '../base/log.ts';" };
  expect(await check(files)).toEqual({ code: 0, stderr: '' });
});

test('an import that points up fails', async () => {
  const { code, stderr } = await check({
    'base/log.ts': "import type { Arn } from '../aws/arn.ts';",
    'aws/arn.ts': '',
  });
  expect(code).toBe(1);
  expect(stderr).toContain('base/log.ts imports ../aws/arn.ts: src/base may not use src/aws');
});

test('files that import each other in a circle fail, types included', async () => {
  const { code, stderr } = await check({
    'base/a.ts': "import { b } from './b.ts';",
    'base/b.ts': "import type { C } from './c.ts';",
    'base/c.ts': "export { a } from './a.ts';",
    'base/d.ts': "import { a } from './a.ts';",
  });
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(
      /^base\/(a|b|c)\.ts → base\/(a|b|c)\.ts → base\/(a|b|c)\.ts → .*: a circle of imports/,
    ),
  ]);
});

test('a folder of more than 25 files fails', async () => {
  const crowd = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`base/f${i}.ts`, '']));
  expect(await check({ ...crowd(25), 'base/more/f.ts': '' })).toMatchObject({ stderr: '' });
  const { code, stderr } = await check({ ...crowd(26) });
  expect(code).toBe(1);
  expect(stderr).toContain('base has 26 files, and 25 are the most');
});
