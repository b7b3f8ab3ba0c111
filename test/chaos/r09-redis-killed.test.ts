/** R9: Redis is killed and comes back with what it had synced; the daemons stay, and work goes on within 5 s. */
import { expect, test } from 'vitest';
import type { HistoryLine } from '../support/history.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const DAEMONS = 2;
const TIMES = 5;
/** contract.md, "Running it". */
const ON_AGAIN_MS_MAX = 5_000;

/** From each return of Redis until a handler started somewhere. */
function resumedAfter(history: readonly HistoryLine[]): number[] {
  const healed = history.filter((line) => line.kind === 'fault' && line.phase === 'healed');
  const starts = history.filter((line) => line.kind === 'start');
  return healed.map(({ tMono }) => Math.round((starts.find((s) => s.tMono > tMono)?.tMono ?? Infinity) - tMono));
}

test(`R9: Redis killed ${TIMES} times`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r09', seed: seedOf(109), shards: 12 }, async (lab) => {
    for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 40, work: [10, 60], failing: 0.01 });
    const times = timesOf(TIMES);
    for (let time = 0; time < times; time++) {
      await pause(lab.random.between(1_000, 4_000));
      await lab.restartRedis(lab.random.between(0, 2_000));
    }
    await pause(ON_AGAIN_MS_MAX);
    const checked = await lab.check();
    const resumed = resumedAfter(checked.history);
    report('R9', checked, { times, 'on again after at most': Math.max(...resumed) });
    mustBeClean(checked);
    expect(Math.max(...resumed)).toBeLessThanOrEqual(ON_AGAIN_MS_MAX);
    expect(lab.alive()).toHaveLength(DAEMONS);
  }),
);
