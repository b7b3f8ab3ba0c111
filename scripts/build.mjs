// The published form: JavaScript (Node does not strip types under node_modules) with the Lua steps beside it.
// `node scripts/build.mjs [DIRECTORY]`, default: dist/
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(path.join(path.dirname(fileURLToPath(import.meta.url)), '..'));
const out = path.resolve(process.argv[2] ?? 'dist');
rmSync(out, { recursive: true, force: true });

const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', out];
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
for (const file of globSync('{src,connectors}/**/*.lua')) cpSync(file, path.join(out, file));
// tsc rewrites the extensions of imports. The sandbox's runtime is bundled again where it runs, and has requires as well.
for (const file of globSync('**/*.js', { cwd: out })) {
  const text = readFileSync(path.join(out, file), 'utf8');
  const rewritten = text.replaceAll(/\brequire\('(\.[^']*)\.ts'\)/g, "require('$1.js')");
  if (rewritten !== text) writeFileSync(path.join(out, file), rewritten);
}
