/**
 * Deterministic simulation (faults.md, R27) by hand.
 *   node test/sim/main.ts [--seed N] [--seeds N] [--history]     one line at the end; a seed that fails is named, with how to run it alone
 *   … --points     R4: in each seed daemons also crash before and after some of their calls, in the next seed at the next ones
 * Ends with 1 when a seed violates an invariant: after the first one, or the first that violates one of `--until I1,I2`, or all with --keep-going.
 */
import { describeViolations } from '../chaos/checker.ts';
import { flagsOf, whole } from '../support/by-hand.ts';
import { crashesOf } from './points.ts';
import { simulate } from './simulate.ts';

const { values } = flagsOf({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    history: { type: 'boolean', default: false },
    until: { type: 'string', default: '' },
    points: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
});

const [first, seeds] = [whole(values.seed, 'seed', 0), whole(values.seeds, 'seeds')];
const reached = { records: 0, attempts: 0, repeats: 0, refused: 0, notices: 0 };
const faults = new Map<string, number>();
const [seen, struck] = [new Set<string>(), {} as Record<string, number>];
const failed: number[] = [];
const invariants = new Set<string>();
let hash = '';
const began = performance.now();
for (let seed = first; seed < first + seeds; seed++) {
  const run = await simulate(seed, values.points ? crashesOf(seed) : []);
  for (const call of run.points.seen) seen.add(call);
  for (const point of run.points.struck) struck[point] = (struck[point] ?? 0) + 1;
  if (values.history) process.stdout.write(run.history);
  for (const name of Object.keys(reached) as (keyof typeof reached)[]) reached[name] += run.reached[name];
  for (const [fault, times] of run.faults) faults.set(fault, (faults.get(fault) ?? 0) + times);
  hash = run.hash;
  if (run.violations.length === 0) continue;
  failed.push(seed);
  for (const { invariant } of run.violations) invariants.add(invariant);
  const again = `repeat it with: npm run sim -- --seed ${seed}${values.points ? ' --points' : ''} --history`;
  process.stdout.write(`seed ${seed} fails; ${again}\n${describeViolations(run.violations)}\n`);
  if (values['keep-going']) continue;
  if (values.until === '' || run.violations.some(({ invariant }) => values.until.split(',').includes(invariant))) break;
}
const seconds = Math.round(performance.now() - began) / 1_000;
process.stdout.write(
  `${JSON.stringify({ first, seeds, failed, invariants: [...invariants], seconds, reached, faults: Object.fromEntries(faults), ...(values.points && { seen: [...seen], struck }), hash })}\n`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
