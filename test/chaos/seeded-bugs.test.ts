/** Test the test: the checker accepts every history of a right engine and rejects each wrong one within 100 runs (faults.md 5.1). */
import { describe, expect, it } from 'vitest';
import { checkHistory, describeViolations } from './checker.ts';
import { type Bug, BUGS, runSeeded } from './seeded-engine.ts';

const RUNS = 100;
const OPTIONS = { liveness: { leaseMs: 5_000 } };

const check = (seed: number, bug: Bug | null) => {
  const story = runSeeded(seed, bug);
  return checkHistory(story.lines, story.end(), OPTIONS);
};

it('accepts the right engine, which met everything that can go wrong', () => {
  const reached = { repeats: 0, refused: 0, faults: 0 };
  for (let seed = 0; seed < 10 * RUNS; seed++) {
    const result = check(seed, null);
    expect(result.violations, `seed ${seed}\n${describeViolations(result.violations)}`).toEqual([]);
    for (const name of ['repeats', 'refused', 'faults'] as const) reached[name] += result.reached[name];
  }
  for (const count of Object.values(reached)) expect(count).toBeGreaterThan(RUNS);
});

describe('rejects', () => {
  const expected: Record<Bug, string> = {
    'ack before run': 'I5',
    'marker before checkpoint': 'I6',
    'no fencing of the checkpoint': 'I5',
    'no fencing at the sink': 'I3',
    'own retry instead of a held shard': 'I2',
    'checkpoint is the maximum': 'I5',
    'sandbox death as success': 'I1',
    'checkpoint at the batch end of a partial failure': 'I1',
    'deliveries not counted before the run': 'I4',
    'batch dropped at takeover': 'I1',
  };
  it.each(BUGS)('%s', (bug) => {
    const seeds = Array.from({ length: RUNS }, (_, seed) => seed);
    const rejected = seeds.filter((seed) => check(seed, bug).violations.some((v) => v.invariant === expected[bug]));
    // Most single runs show it; the bound is the one that faults.md sets.
    expect(rejected.length).toBeGreaterThan(RUNS / 4);
  });
});
