/** R21: records that always fail for a day of the virtual clock: each expires once, at its moment; the next ones go on, other shards never wait. */
import { expect, test } from 'vitest';
import { BACKOFF_JITTER, BACKOFF_MAX_MS } from '../../src/limits.ts';
import { seedOf, timesOf } from '../chaos/lab/report.ts';
import { describeViolations } from '../chaos/checker.ts';
import { runPoisonDay } from './poison-day.ts';

const SHARDS = { poisoned: 10, healthy: 1 };
/** With a written-out age. Under the default one a record first fails by itself, at its next attempt and once more: a back-off with its jitter. */
const LATE_MS_MAX = { strict: 1_000, default: BACKOFF_MAX_MS * (1 + BACKOFF_JITTER) + 1_000 };
const WAITED_MS_MAX = 2_000;

test(`R21: ${SHARDS.poisoned} shards with records that fail for a day`, { timeout: 600_000 }, async () => {
  const shards = await runPoisonDay(seedOf(121), { ...SHARDS, poisoned: timesOf(SHARDS.poisoned) });
  for (const { name, poisoned, policy, checked, expired, poison, slowestMs, resumedMs, succeeded, drained } of shards) {
    expect(checked.violations, describeViolations(checked.violations)).toEqual([]);
    expect([name, drained, succeeded]).toEqual([name, true, 30]);
    expect(expired.map(({ position, count }) => [position, count])).toEqual(poison.map((position) => [position, 1]));
    expect(poison).toHaveLength(poisoned ? 2 : 0);
    for (const { lateMs } of expired) {
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThanOrEqual(LATE_MS_MAX[policy.age.kind]);
    }
    if (poisoned) expect(resumedMs).toBeLessThanOrEqual(WAITED_MS_MAX);
    else expect(slowestMs).toBeLessThanOrEqual(WAITED_MS_MAX);
  }
  const lateOf = (kind: string): number =>
    Math.max(
      ...shards.flatMap(({ policy, expired }) => (policy.age.kind === kind ? expired : []).map((one) => one.lateMs)),
    );
  const attempts = shards.reduce((sum, { checked }) => sum + checked.reached.attempts, 0);
  process.stdout.write(
    `R21: shards ${shards.length}, attempts ${attempts}, late by at most ${lateOf('strict')} ms, by default ${lateOf('default')} ms\n`,
  );
});
