/** R2: pollers are killed at random moments; nothing is missed, and what they watched is watched by others. */
import { expect, test } from 'vitest';
import { latenciesOf, percentile } from './check-liveness.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { viewShards } from './shard-view.ts';

const POLLERS = 3;
const KILLS = 40;

test(`R2: ${KILLS} pollers killed at random moments`, { timeout: 600_000 }, () =>
  withLab({ name: 'r02', seed: seedOf(102), shards: 12 }, async (lab) => {
    const startPoller = () => lab.start('--role', 'poller');
    for (let i = 0; i < POLLERS; i++) startPoller();
    lab.start('--role', 'executor');
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    // Little to do: shards run dry all the time, so that there is always something to watch.
    lab.producer.start({ perSecond: 25, work: [5, 20], failing: 0.01 });
    const kills = timesOf(KILLS);
    for (let kill = 0; kill < kills; kill++) {
      await pause(lab.random.between(100, 1_200));
      await lab.kill(lab.random.pick(await lab.someReady('poller')));
      startPoller();
    }
    const checked = await lab.check();
    const waits = viewShards(checked.history)
      .flatMap(latenciesOf)
      .sort((a, b) => a - b);
    const [p50, p99] = [0.5, 0.99].map((fraction) => Math.round(percentile(waits, fraction)));
    report('R2', checked, { kills, 'wait p50': p50!, 'wait p99': p99! });
    mustBeClean(checked);
    // Nothing of an executor was hit, so nothing may have run twice.
    expect(checked.reached.repeats).toBe(0);
  }),
);
