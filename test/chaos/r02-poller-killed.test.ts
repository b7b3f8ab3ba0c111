/** R2: pollers are killed at random moments; nothing is missed, and what they watched is watched by others. */
import { expect, test } from 'vitest';
import { DAEMON_TTL_MS } from '../../src/limits.ts';
import { latenciesOf, percentile } from './check-liveness.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { viewShards } from './shard-view.ts';
import type { HistoryLine } from '../support/history.ts';

const POLLERS = 3;
const KILLS = 58;
/** contract.md, "Running it": others take over. */
const WATCHED_AGAIN_MS_MAX = 10_000;

/** How long records waited for their first start, ascending; only those that were accepted after the last fault began. */
function waits(history: readonly HistoryLine[], onlyLast: boolean): number[] {
  const begins = history.filter((line) => line.kind === 'fault' && line.phase === 'begin');
  const from = onlyLast ? begins.at(-1)!.tMono : 0;
  return viewShards(history)
    .flatMap((view) => latenciesOf({ ...view, acceptedLines: view.acceptedLines.filter((l) => l.tMono >= from) }))
    .sort((a, b) => a - b);
}

test(`R2: ${KILLS} pollers killed at random moments`, { timeout: timesOf(600_000) }, () =>
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
    // So far a shard's next watcher was often killed before it was one. Now two of three, and then none.
    await lab.someReady('poller', POLLERS);
    await pause(DAEMON_TTL_MS + 1_000);
    await Promise.all(lab.random.some(await lab.someReady('poller', POLLERS), 2).map((daemon) => lab.kill(daemon)));
    await pause(WATCHED_AGAIN_MS_MAX);
    const checked = await lab.check();
    const wait = (onlyLast: boolean, fraction: number): number =>
      Math.round(percentile(waits(checked.history, onlyLast), fraction));
    const figures = { 'wait p50': wait(false, 0.5), p99: wait(false, 0.99), 'after the last p99': wait(true, 0.99) };
    report('R2', checked, { kills: kills + 2, ...figures });
    mustBeClean(checked);
    // Nothing of an executor was hit, so nothing may have run twice.
    expect(checked.reached.repeats).toBe(0);
    expect(figures['after the last p99']).toBeLessThanOrEqual(WATCHED_AGAIN_MS_MAX);
  }),
);
