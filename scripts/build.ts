/**
 * Bundles `src/` into `dist/`: one file for what a bridge needs for its first answer, and a file for each further part,
 * which is loaded when it is used. CommonJS, since an `import` of Node's own modules runs all their getters, which load
 * half of Node.
 *
 * `node scripts/build.ts ENTRY DIRECTORY` bundles another entry in the same way, for tests, and leaves `dist/`
 * unchanged.
 */
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const [entry = 'src/cli/main.ts', bridge = join(dist, 'bridge')] = process.argv.slice(2);
const isShipped = process.argv.length === 2;
if (isShipped) rmSync(dist, { recursive: true, force: true });

const bundle = await rolldown({
  cwd: root,
  input: { main: entry },
  platform: 'node',
  tsconfig: false,
  // The SDK's credential chain is large and seldom needed, the PTY is native, and ws's optional packages are not
  // installed.
  external: ['@aws-sdk/credential-providers', '@lydell/node-pty', 'bufferutil', 'utf-8-validate'],
  // Only smithy's ECMAScript modules can be reduced to what signing needs.
  resolve: { mainFields: ['module', 'main'] },
  preserveEntrySignatures: 'allow-extension',
  plugins: [{ name: 'crypto-at-first-use', renderChunk: (code) => atFirstUse(code, 'node:crypto') }],
});
const { output } = await bundle.write({
  dir: bridge,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
  // Names are kept for stack traces that users report; comments are removed.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  comments: false,
  // Everything that a start needs is in one file: each further file costs a millisecond.
  codeSplitting: { groups: [{ name: 'bridge', tags: ['$initial'] }] },
});
await bundle.close();

// Scripts are read from beside the code that sends them.
cpSync(join(root, 'src/agent/host/scripts'), join(bridge, 'scripts'), { recursive: true });
cpSync(join(root, 'src/local/microvm/entry'), join(bridge, 'entry'), { recursive: true });
const moduleIds = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
if (isShipped) writeFileSync(join(dist, 'third-party-licenses.txt'), licenses(moduleIds));

/** Loads one of Node's own modules where a bundle uses it, instead of at the start of the bundle. */
function atFirstUse(code: string, module: string): string {
  const [declaration, name] = new RegExp(`let (\\w+) = require\\("${module}"\\);`).exec(code) ?? [];
  if (declaration === undefined || name === undefined) return code;
  return code.replace(declaration, '').replaceAll(`${name}.`, `require("${module}").`);
}

/** The license texts of the packages in the bundle. */
function licenses(ids: readonly string[]): string {
  const directories = ids.map(
    (id) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0] ?? '',
  );
  return [...new Set(directories)]
    .filter((directory) => directory !== '' && existsSync(join(directory, 'package.json')))
    .toSorted()
    .map((directory) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(directory, 'package.json'), 'utf8'),
      ) as Readonly<Record<'name' | 'version' | 'license', string>>;
      const texts = globSync('{LICEN[CS]E,NOTICE}*', { cwd: directory });
      const text = texts.map((file) => readFileSync(join(directory, file), 'utf8').trim()).join('\n\n');
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
