/** R5: an executor stands still for longer than its lease, its successors go on, then it wakes up: nothing that it does counts. */
import { expect, test } from 'vitest';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { makeZombie } from './lab/mixed.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { refusedBy, startExecutors } from './lab/stalls.ts';

const ROUNDS = 4;
const ZOMBIES = 20;

test(`R5: ${ZOMBIES} executors stopped for longer than their lease`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r05', seed: seedOf(105), shards: 16 }, async (lab) => {
    await startExecutors(lab);
    lab.producer.start({ perSecond: 60, work: [20, 80], failing: 0.01 });
    const rounds = timesOf(ROUNDS);
    let zombies = 0;
    for (let round = 0; round < rounds; round++) {
      await pause(1_500);
      const some = lab.random.some(await lab.someReady('executor'), ZOMBIES / ROUNDS);
      await Promise.all(some.map((daemon) => makeZombie(lab, daemon)));
      zombies += some.length;
    }
    const checked = await lab.check();
    const { requests, settles } = refusedBy(lab);
    report('R5', checked, { zombies, 'requests refused': requests, 'settles refused': settles });
    mustBeClean(checked);
    // That a late effect was tried at all: at least one in ten (faults.md).
    expect(requests + checked.reached.refused).toBeGreaterThanOrEqual(zombies / 10);
    expect(lab.alive()).toHaveLength(lab.daemons.length);
  }),
);
