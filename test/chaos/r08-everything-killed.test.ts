/** R8: every process is killed at once, Redis among them; after a cold restart nothing is missing and nothing is out of order. */
import { expect, test } from 'vitest';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const DAEMONS = 2;
const TIMES = 5;

test(`R8: everything killed at once, ${TIMES} times`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r08', seed: seedOf(108), shards: 12 }, async (lab) => {
    const startAll = async () => {
      const started = Array.from({ length: DAEMONS }, () => lab.start('--concurrency', '6'));
      await Promise.all(started.map((daemon) => daemon.process.ready));
    };
    await startAll();
    lab.producer.start({ perSecond: 40, work: [10, 60], failing: 0.01 });
    const times = timesOf(TIMES);
    for (let time = 0; time < times; time++) {
      // Some rounds are shorter than a lease: then the next crash comes while the last one's locks still stand.
      await pause(lab.random.between(500, 6_000));
      await lab.killEverything(startAll);
    }
    const checked = await lab.check();
    report('R8', checked, { times });
    mustBeClean(checked);
    expect(checked.reached.repeats).toBeGreaterThan(0);
  }),
);
