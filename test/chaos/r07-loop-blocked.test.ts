/** R7: the loop of an executor stands still for 1 to 10 s, and its locks with it, which it renews there: what was taken over is fenced. */
import { expect, test } from 'vitest';
import { LOCK_MS } from '../../src/limits.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { blockFor, BLOCKING, refusedBy, type Stall, stallSome, startExecutors, takeoversIn } from './lab/stalls.ts';

const ROUNDS = 2;
const AT_ONCE = 5;
const BLOCKS = ROUNDS * AT_ONCE;
/** Of each round so many surely outlast a lock. */
const LONG = 3;

test(`R7: the loops of ${BLOCKS} executors blocked for 1 to 10 s`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r07', seed: seedOf(107), shards: 16, preloads: BLOCKING }, async (lab) => {
    await startExecutors(lab);
    lab.producer.start({ perSecond: 60, work: [20, 80], failing: 0.01 });
    const rounds = timesOf(ROUNDS);
    const blocks: Stall[] = [];
    for (let round = 0; round < rounds; round++) {
      await pause(1_000);
      const times = Array.from({ length: AT_ONCE }, (_, n) =>
        lab.random.between(n < LONG ? LOCK_MS + 1_500 : 1_000, n < LONG ? 10_000 : LOCK_MS),
      );
      blocks.push(...(await stallSome(lab, times, blockFor)));
    }
    const takeovers = await takeoversIn(lab);
    const checked = await lab.check();
    const { requests, settles } = refusedBy(lab);
    const long = blocks.filter(({ ms, hit }) => ms > LOCK_MS && hit.length > 0).length;
    const refused = { 'requests refused': requests, 'settles refused': settles };
    report('R7', checked, { blocks: blocks.length, 'longer than a lock': long, takeovers, ...refused });
    mustBeClean(checked);
    expect(long).toBeGreaterThanOrEqual(rounds);
    expect(takeovers).toBeGreaterThanOrEqual(rounds);
    // Something late was tried, and came to nothing.
    expect(requests + settles + checked.reached.refused).toBeGreaterThan(0);
    expect(lab.alive()).toHaveLength(lab.daemons.length);
  }),
);
