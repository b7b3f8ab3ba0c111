/** R12 where the source is a topic, which stays: all of it is settled, from the group's committed offsets. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { goOn, said, startTwo } from './lab/going-on.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { loseEverything, loseState } from './lab/lost-keys.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';

const kafka = useKafka();
const TIMES = 1;

async function loseAll(lab: Lab): Promise<void> {
  await startTwo(lab);
  const times = timesOf(TIMES);
  for (let time = 0; time < times; time++) {
    await pause(lab.random.between(500, 1_500));
    await loseEverything(lab);
    await goOn(lab);
    await loseState(lab);
    await goOn(lab);
  }
  const checked = await lab.check();
  const mapping = said(lab, /^the state of the mapping was lost/);
  const shards = said(lab, /^the state of shards was lost/);
  report('R12 on a topic', checked, { times, 'mapping told': mapping, 'shards told': shards });
  mustBeClean(checked);
  expect(mapping).toBeGreaterThanOrEqual(times);
  expect(shards).toBe(times);
  expect(checked.reached.repeats).toBeGreaterThan(0);
  expect(checked.end.notices).toEqual([]);
  expect(lab.alive()).toHaveLength(2);
}

test(`R12 on a topic: all keys and one state lost`, { timeout: 600_000 }, async () => {
  const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 4 });
  await withLab({ name: 'r12-kafka', seed: seedOf(112), source, countersLost: true }, loseAll);
});
