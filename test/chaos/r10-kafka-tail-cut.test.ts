/** R10 where the source is a topic, which loses nothing: all of it is settled. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { cutTails } from './lab/lossy-run.ts';
import { seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';

const kafka = useKafka();
const TIMES = 5;

test(`R10 on a topic, ${TIMES} times`, { timeout: timesOf(600_000) }, async () => {
  const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 4 });
  expect(await cutTails('R10 on a topic', { name: 'r10-kafka-tail-cut', seed: seedOf(110), source }, TIMES)).toBe(0);
});
