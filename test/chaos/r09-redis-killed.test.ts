/** R9: Redis is killed and comes back with what it had synced; the daemons stay, and work goes on within 5 s. */
import { expect, test } from 'vitest';
import type { HistoryLine } from '../support/history.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const DAEMONS = 2;
const TIMES = 5;
/** contract.md, "Running it". */
const ON_AGAIN_MS_MAX = 5_000;

/** From each return of Redis until a handler started somewhere; null: it was killed again before that, and within the time that is allowed. */
function resumedAfter(history: readonly HistoryLine[]): (number | null)[] {
  const faults = history.filter((line) => line.kind === 'fault');
  const starts = history.filter((line) => line.kind === 'start');
  return faults.flatMap((fault, index) => {
    if (fault.phase !== 'healed') return [];
    const first = starts.find(({ tMono }) => tMono > fault.tMono)?.tMono ?? Infinity;
    const again = faults[index + 1]?.tMono ?? Infinity;
    const cutShort = again < first && again - fault.tMono <= ON_AGAIN_MS_MAX;
    return [cutShort ? null : Math.round(first - fault.tMono)];
  });
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
    const returns = resumedAfter(checked.history);
    const resumed = returns.filter((ms) => ms !== null);
    const cutShort = returns.length - resumed.length;
    report('R9', checked, { times, 'on again after at most': Math.max(...resumed), 'killed again before': cutShort });
    mustBeClean(checked);
    expect(returns).toHaveLength(times);
    expect(Math.max(...resumed)).toBeLessThanOrEqual(ON_AGAIN_MS_MAX);
    expect(cutShort).toBeLessThanOrEqual(0.2 * times);
    expect(lab.alive()).toHaveLength(DAEMONS);
  }),
);
