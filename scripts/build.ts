/**
 * Bundles `src/` into `dist/`: what a bridge needs for its first answer in one file, each further part in a file that is loaded
 * when it is used. CommonJS, since an `import` of Node's own modules runs all their getters, which load half of Node.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });

const bundle = await rolldown({
  cwd: root,
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  // The SDK's chain of credentials is large and seldom needed, the PTY is native, and what ws can use is not installed.
  external: ['@aws-sdk/credential-providers', '@lydell/node-pty', 'bufferutil', 'utf-8-validate'],
  // Only smithy's ECMAScript modules can be cut down to what signing needs.
  resolve: { mainFields: ['module', 'main'] },
  preserveEntrySignatures: 'allow-extension',
  plugins: [{ name: 'crypto-at-first-use', renderChunk: (code) => atFirstUse(code, 'node:crypto') }],
});
await bundle.write({
  dir: join(dist, 'bridge'),
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
  // Names stay, for what a person reports; comments go.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  comments: false,
});
await bundle.close();

// Scripts for the microVM and the local one are read where the code that sends them stands.
cpSync(join(root, 'src/agent/host'), join(dist, 'bridge/host'), { recursive: true });
cpSync(join(root, 'src/local/microvm'), join(dist, 'bridge/microvm'), { recursive: true });

/** Loads one of Node's own modules where a bundle uses it, instead of where the bundle begins. */
function atFirstUse(code: string, module: string): string {
  const [declaration, name] = new RegExp(`let (\\w+) = require\\("${module}"\\);`).exec(code) ?? [];
  if (declaration === undefined || name === undefined) return code;
  return code.replace(declaration, '').replaceAll(`${name}.`, `require("${module}").`);
}
