/** R16: the only broker is killed, stopped and restarted while records flow: nothing is lost, doubled or out of order, and work goes on. */
import { expect, test } from 'vitest';
import type { HistoryLine } from '../support/history.ts';
import { type Cluster, withCluster } from '../support/kafka/cluster.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { longestPause } from './lab/pauses.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';

const DAEMONS = 2;
const TIMES = 3;
const KINDS = ['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const;
/** Records are written every 50 ms; a broker that is away takes none for at least so long. */
const AWAY_MS_MIN = 1_000;
/** docs/kafka.md, "Rebalances, brokers". */
const ON_AGAIN_MS_MAX = 10_000;

async function breakBroker(lab: Lab, cluster: Cluster, kind: (typeof KINDS)[number]): Promise<void> {
  const id = await lab.beginFault(`broker ${kind}`);
  if (kind === 'SIGSTOP') {
    cluster.freeze(1, true);
    // Shorter and longer than the session of a member.
    await pause(lab.random.between(2_000, 9_000));
    cluster.freeze(1, false);
  } else {
    await cluster.stop(1, kind);
    await pause(lab.random.between(0, 3_000));
    await cluster.start(1);
  }
  await lab.healFault(id, `broker ${kind}`);
}

/** Per fault: how long until a record that was accepted after it was in work; and how long none was accepted. */
function seenOf(history: readonly HistoryLine[]): { readonly onAgain: number[]; readonly away: number[] } {
  const faults = history.filter((line) => line.kind === 'fault');
  const accepted = history.filter((line) => line.kind === 'accepted');
  const onAgain: number[] = [];
  const away: number[] = [];
  for (const [index, begin] of faults.entries()) {
    if (begin.phase !== 'begin') continue;
    const healed = faults[index + 1]!.tMono;
    away.push(
      longestPause(
        accepted.map(({ tMono }) => tMono),
        begin.tMono,
        healed,
      ),
    );
    const fresh = new Set(accepted.filter((line) => line.tMono > healed).flatMap((line) => line.positions));
    // One that was written before the broker stood still may be acknowledged after it.
    const start = history.find(
      (line) => line.kind === 'start' && line.tMono > healed && line.positions.some((p) => fresh.has(p)),
    );
    onAgain.push(Math.round((start?.tMono ?? Infinity) - healed));
  }
  return { onAgain, away };
}

test(`R16: a broker broken ${TIMES} times`, { timeout: timesOf(600_000) }, () =>
  withCluster(1, (cluster) =>
    withLab(
      { name: 'r16', seed: seedOf(116), source: fromTopic({ brokers: cluster.bootstrap, partitions: 6 }) },
      async (lab) => {
        for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
        await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
        lab.producer.start({ perSecond: 40, work: [5, 30], failing: 0.01 });
        const times = timesOf(TIMES);
        for (let time = 0; time < times; time++) {
          await pause(lab.random.between(2_000, 4_000));
          await breakBroker(lab, cluster, KINDS[time % KINDS.length]!);
        }
        await pause(5_000);
        const checked = await lab.check();
        const { onAgain, away } = seenOf(checked.history);
        report('R16', checked, { times, 'on again after at most': Math.max(...onAgain) });
        mustBeClean(checked);
        // Each of them was away; and nothing of Millrace was hit, so nothing may have run twice.
        expect(Math.min(...away)).toBeGreaterThan(AWAY_MS_MIN);
        expect(checked.reached.repeats).toBe(0);
        expect(Math.max(...onAgain)).toBeLessThanOrEqual(ON_AGAIN_MS_MAX);
        expect(lab.alive()).toHaveLength(DAEMONS);
      },
    ),
  ),
);
