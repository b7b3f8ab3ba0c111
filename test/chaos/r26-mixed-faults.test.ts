/** R26: faults that a seed draws, alone and two at once; all invariants hold, and each fault that was drawn hit something at work. */
import { expect, test } from 'vitest';
import { runSwarm } from './swarm/run.ts';
import { verdictOf } from './swarm/verdict.ts';

const FAULTS_MS = 60_000;

test.each([54, 4])('R26: seed %d is stood', { timeout: 300_000 }, async (seed) => {
  const run = await runSwarm({ seed, source: 'redis-stream', cluster: null, faultsMs: FAULTS_MS, only: [] });
  const verdict = verdictOf(run, `npm run chaos -- --seed ${seed} --minutes ${FAULTS_MS / 60_000}`);
  process.stdout.write(verdict);
  expect(run.checked?.violations, verdict).toEqual([]);
  expect(run.unreached, verdict).toEqual([]);
  expect(run.error, verdict).toBeNull();
  expect(run.checked!.reached.records).toBeGreaterThan(100);
});
