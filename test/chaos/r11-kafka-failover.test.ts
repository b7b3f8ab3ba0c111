/** R11 where the source is a topic, which loses nothing: all of it is settled. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { failOver } from './lab/lossy-run.ts';
import { seedOf, timesOf } from './lab/report.ts';
import { fromTopic } from './lab/topic-source.ts';

const kafka = useKafka();
const TIMES = 3;

test(`R11 on a topic, ${TIMES} times`, { timeout: timesOf(600_000) }, async () => {
  const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 4 });
  expect(await failOver('R11 on a topic', { name: 'r11-kafka-failover', seed: seedOf(111), source }, TIMES)).toBe(0);
});
