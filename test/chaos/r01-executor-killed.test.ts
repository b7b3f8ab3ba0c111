/** R1: executors are killed at random moments; others take over, in order, within 10 s. */
import { expect, test } from 'vitest';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { takeoversOf } from './lab/takeovers.ts';

const EXECUTORS = 4;
/** A kill waits until so many are ready: a take-over is measured where somebody is there to take over. */
const READY_MIN = 3;
const KILLS = 60;

test(`R1: ${KILLS} executors killed at random moments`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r01', seed: seedOf(101), shards: 12 }, async (lab) => {
    const startExecutor = () => lab.start('--role', 'executor', '--concurrency', '6');
    lab.start('--role', 'poller');
    for (let i = 0; i < EXECUTORS; i++) startExecutor();
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 40, work: [10, 80], failing: 0.01 });
    const kills = timesOf(KILLS);
    for (let kill = 0; kill < kills; kill++) {
      await pause(lab.random.between(200, 1_800));
      await lab.kill(lab.random.pick(await lab.someReady('executor', READY_MIN)));
      startExecutor();
    }
    const checked = await lab.check();
    const { times, ...figures } = takeoversOf(checked.history);
    report('R1', checked, { kills, takeovers: times.length, ...figures });
    mustBeClean(checked);
    expect(figures.p99).toBeLessThanOrEqual(10_000);
  }),
);
