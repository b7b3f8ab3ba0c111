/** R6: executors stop for 50 to 90 % of a lock and go on: nobody takes their shards, and nothing runs twice. */
import { expect, test } from 'vitest';
import { LOCK_MS } from '../../src/limits.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { refusedBy, type Stall, stallSome, startExecutors, stopFor, takeoversIn } from './lab/stalls.ts';

const ROUNDS = 4;
const AT_ONCE = 5;
const STALLS = ROUNDS * AT_ONCE;
const FROM_MS = 0.5 * LOCK_MS;
const TO_MS = 0.9 * LOCK_MS;
/** From waking up until Redis has the renewal, on a machine whose other tests want its cores, too. */
const ANSWER_MS = 250;
const BATCH = 4;
/** To the recorder, of one attempt. */
const REQUESTS = 3;

test(`R6: ${STALLS} executors stopped for 50 to 90 % of a lock`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r06', seed: seedOf(106), shards: 16, batchSize: BATCH }, async (lab) => {
    await startExecutors(lab);
    // Long enough that a shard is mostly in the middle of an invocation, at any age of its lock.
    lab.producer.start({ perSecond: 40, work: [100, 400], failing: 0 });
    const rounds = timesOf(ROUNDS);
    const stalls: Stall[] = [];
    for (let round = 0; round < rounds; round++) {
      await pause(1_000);
      const times = Array.from({ length: AT_ONCE }, () => lab.random.between(FROM_MS, TO_MS));
      stalls.push(...(await stallSome(lab, times, stopFor)));
    }
    const checked = await lab.check();
    const takeovers = await takeoversIn(lab);
    const { requests, settles } = refusedBy(lab);
    // A busy machine makes some longer than they were to be, and renewals late before others: no lock can outlast these.
    const longer = stalls.filter(({ ms, lockAgeMs }) => ms + lockAgeMs > LOCK_MS - ANSWER_MS);
    const hits = (of: readonly Stall[]): number => of.reduce((sum, { hit }) => sum + hit.length, 0);
    const oldest = Math.round(Math.max(...stalls.map(({ lockAgeMs }) => lockAgeMs)));
    const figures = { stalls: stalls.length, shards: hits(stalls), longer: longer.length, 'oldest lock, ms': oldest };
    report('R6', checked, { ...figures, takeovers, 'requests refused': requests, 'settles refused': settles });
    mustBeClean(checked);
    expect(hits(stalls)).toBeGreaterThan(stalls.length);
    expect(longer.length).toBeLessThan(stalls.length);
    for (const count of [takeovers, settles, requests / REQUESTS, checked.reached.repeats / BATCH])
      expect(count).toBeLessThanOrEqual(hits(longer));
    expect(lab.alive()).toHaveLength(lab.daemons.length);
  }),
);
