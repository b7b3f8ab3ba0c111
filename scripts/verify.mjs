// `npm run verify`: everything that must hold before a change lands; CI runs this. The quick gates come first, the tests last, all of them
// always, so that one run says all that is wrong. The files whose coverage is measured run once, for that. The last line counts gates and
// tests together: `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import covered from '../vitest.coverage.config.ts';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => path.join(root, 'node_modules', name);

const GATES = [
  { name: 'format', args: [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'] },
  { name: 'types', args: [bin('typescript/bin/tsc'), '-p', '.'] },
  { name: 'unused files, exports and dependencies', args: [bin('knip/bin/knip.js')] },
  { name: 'known vulnerabilities', args: ['scripts/audit.mjs'] },
];
const COVERAGE = ['scripts/test.mjs', '--config', 'vitest.coverage.config.ts'];

const failed = [];
for (const { name, args } of GATES) {
  const began = Date.now();
  const { code, output } = await run(args);
  if (code !== 0) failed.push(name);
  if (code !== 0 || name === 'known vulnerabilities') process.stdout.write(output);
  console.log(`${code === 0 ? 'ok' : 'FAILED'}: ${name} (${Math.round((Date.now() - began) / 1_000)} s)`);
}
// Lint, tidy, licences and the published package are tests of it.
const show = (data) => process.stdout.write(data);
const options = process.argv.slice(2);
const elsewhere = covered.test.include.flatMap((pattern) => ['--exclude', pattern]);
const runs = [
  await run([...COVERAGE, ...options], show),
  await run(['scripts/test.mjs', ...elsewhere, ...options], show),
].map(({ code, output }) => ({ code, counts: countsIn(output) }));
if (failed.length > 0) console.log(`FAILED before the tests: ${failed.join(', ')}`);
const [passed, broken, skipped] = [0, 1, 2].map((place) => runs.reduce((sum, { counts }) => sum + counts[place], 0));
// A floor of the coverage that is missed, for one.
const without = runs.filter(({ code, counts }) => code !== 0 && counts[1] === 0).length;
console.log(
  `${passed + GATES.length - failed.length} passed, ${broken + failed.length + without} failed, ${skipped} skipped`,
);
process.exitCode = failed.length === 0 && runs.every(({ code }) => code === 0) ? 0 : 1;

/** A run that broke off before it could count is a failure. */
function countsIn(output) {
  return /(\d+) passed, (\d+) failed, (\d+) skipped\s*$/.exec(output)?.slice(1).map(Number) ?? [0, 1, 0];
}

function run(args, show = () => undefined) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output = (output + data).slice(-200_000);
        show(data);
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ code: exitCode ?? 1, output }));
  });
}
