/**
 * Longer runs of the fault tests: the same scenarios, again and again under new seeds.
 *   node test/chaos/main.ts [--minutes N] [--seed N] [--times X] [FAULT…]     e.g. --minutes 60 --times 5 r01 r05
 * --times multiplies how often each fault is done in a run. Ends with 1 at the first run that fails, and says its seed.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    times: { type: 'string', default: '1' },
  },
});
const faults = positionals.length > 0 ? positionals : ['r'];
const files = faults.map((fault) => `test/chaos/${fault.toLowerCase()}`);

function runOnce(seed: number): boolean {
  process.stdout.write(`seed ${seed}\n`);
  const env = { ...process.env, MILLRACE_CHAOS_SEED: String(seed), MILLRACE_CHAOS_TIMES: values.times };
  // One after the other: faults are not to measure each other.
  const args = [path.join(root, 'scripts', 'test.mjs'), ...files, '--no-file-parallelism', '--testTimeout=7200000'];
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status === 0;
}

const until = performance.now() + Number(values.minutes) * 60_000;
for (let seed = Number(values.seed); performance.now() < until; seed++) {
  if (runOnce(seed)) continue;
  process.stdout.write(`failed with seed ${seed}: repeat it with --seed ${seed} --minutes 0.001 ${faults.join(' ')}\n`);
  process.exit(1);
}
