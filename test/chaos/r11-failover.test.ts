/** R11: a replica of Redis takes over that had not heard of the last writes: as R10, and epochs do not go back. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { type LabSpec, pause, withLab } from './lab/lab.ts';
import { startReplica } from './lab/lossy.ts';
import { beginLossy, endLossy } from './lab/lossy-run.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';

const kafka = useKafka();
const TIMES = 3;

async function run(name: string, spec: LabSpec): Promise<number> {
  return await withLab(spec, async (lab) => {
    await beginLossy(lab);
    const times = timesOf(TIMES);
    for (let time = 0; time < times; time++) {
      const replica = await startReplica(lab);
      await pause(lab.random.between(300, 1_000));
      await replica.failOver(lab.random.between(0, 1_500));
    }
    const checked = await endLossy(lab);
    report(name, checked, { times, sourceLost: checked.sourceLost });
    // Handlers had ended some of what was lost, and did so again.
    expect(checked.reached.repeats).toBeGreaterThan(0);
    return checked.sourceLost;
  });
}

test(`R11: Redis failed over ${TIMES} times with a lost tail, under Redis streams`, { timeout: 600_000 }, async () => {
  expect(await run('R11', { name: 'r11', seed: seedOf(111), shards: 6 })).toBeGreaterThan(0);
});

test(
  `R11: Redis failed over ${TIMES} times with a lost tail, under a topic, which loses nothing`,
  {
    timeout: 600_000,
  },
  async () => {
    const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 4 });
    expect(await run('R11 on a topic', { name: 'r11-kafka', seed: seedOf(111), source })).toBe(0);
  },
);
