/**
 * `npm run test:hostile`: the hostile cases by hand.
 *
 *   npm run test:hostile -- --repeat 100                   every case a hundred times on each supported Node
 *   npm run test:hostile -- --node 26                      on this one only
 *   npm run test:hostile -- --only 12                      by number in the list of hostile handlers, or by a part of the name
 *   npm run test:hostile -- --mix 60 --concurrency 8       cases at random for an hour
 *   npm run test:hostile -- --seed 7                       the order of an earlier run
 *
 * Ends with `N passed, N failed, N skipped`: runs, and for each Node its own account as one more.
 */
import { loadavg } from 'node:os';
import { among, flagsOf, positive, refuse, whole } from '../support/by-hand.ts';
import { runArena } from './arena-runs.ts';
import { casesOf } from './corpus.ts';
import { unwell } from './health.ts';
import { MAJORS, nodeOf, NoSuchNode } from './nodes.ts';
import { caseTable, complaintsOf, healthLines } from './report.ts';

const { values: flags } = flagsOf({
  options: {
    repeat: { type: 'string', default: '1' },
    only: { type: 'string' },
    concurrency: { type: 'string' },
    node: { type: 'string', default: 'all' },
    mix: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const tally = { passed: 0, failed: 0, skipped: 0 };
const cases = casesOf(flags.only ?? null);
if (cases.length === 0) refuse(`there is no case "${flags.only}"`);
const mixMinutes = flags.mix === undefined ? null : positive(flags.mix, 'mix');
const order = {
  repeat: whole(flags.repeat, 'repeat'),
  only: flags.only ?? null,
  concurrency: whole(flags.concurrency ?? (mixMinutes === null ? '4' : '8'), 'concurrency'),
  seed: whole(flags.seed, 'seed', 0),
  mixMinutes,
};
const planned = mixMinutes === null ? cases.length * order.repeat : 0;

for (const major of flags.node === 'all' ? MAJORS : among(flags.node, 'Node', MAJORS)) {
  let node: string;
  try {
    node = nodeOf(major);
  } catch (error) {
    if (!(error instanceof NoSuchNode)) throw error;
    print(`Node ${major} was left out: ${error.message}`);
    tally.skipped += Math.max(1, planned);
    continue;
  }
  print(`Node ${major}, seed ${order.seed}, ${order.concurrency} at a time, load ${loadavg()[0]!.toFixed(1)}`);
  let done = 0;
  const { runs, health } = await runArena(node, order, () => {
    if (++done % 500 === 0) process.stderr.write(`  ${done}${planned > 0 ? ` of ${planned}` : ''}\n`);
  });
  for (const line of [...caseTable(runs), ...complaintsOf(runs), ...healthLines(health)]) print(line);
  const wrong = unwell(health, mixMinutes === null ? order.repeat : Math.max(2, runs.length / cases.length));
  for (const line of wrong) print(`  ✗ ${line}`);
  const failed = runs.filter(({ complaints }) => complaints.length > 0).length;
  tally.failed += failed + (wrong.length > 0 ? 1 : 0);
  tally.passed += runs.length - failed + (wrong.length > 0 ? 0 : 1);
}
print(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;
