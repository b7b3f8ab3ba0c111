/** R10: Redis is killed and comes back with 1 byte to 1 MB less of its append-only file: what the source still has is settled, none is left out. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { type Lab, type LabSpec, pause, withLab } from './lab/lab.ts';
import { beginCutting } from './lab/lossy.ts';
import { beginLossy, endLossy } from './lab/lossy-run.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';

const kafka = useKafka();
const TIMES = 4;
const MOST_BYTES = 1_000_000;

/** As often a few bytes as many. */
function bytesToCut({ random }: Lab): number {
  return Math.ceil(MOST_BYTES ** (random.between(1, 100) / 100));
}

async function run(name: string, spec: LabSpec): Promise<number> {
  return await withLab(spec, async (lab) => {
    await beginLossy(lab);
    const cutting = await beginCutting(lab);
    let cut = 0;
    const times = timesOf(TIMES);
    for (let time = 0; time < times; time++) {
      await pause(lab.random.between(800, 2_000));
      cut += await cutting.cut(bytesToCut(lab));
    }
    const checked = await endLossy(lab);
    report(name, checked, { times, bytesCut: cut, sourceLost: checked.sourceLost });
    expect(cut).toBeGreaterThan(times);
    return checked.sourceLost;
  });
}

test(`R10: the file of Redis cut ${TIMES} times, under Redis streams`, { timeout: 600_000 }, async () => {
  expect(await run('R10', { name: 'r10', seed: seedOf(110), shards: 6 })).toBeGreaterThan(0);
});

test(
  `R10: the file of Redis cut ${TIMES} times, under a topic, which loses nothing`,
  { timeout: 600_000 },
  async () => {
    const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 4 });
    expect(await run('R10 on a topic', { name: 'r10-kafka', seed: seedOf(110), source })).toBe(0);
  },
);
