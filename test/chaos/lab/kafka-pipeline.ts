/** A pipeline in a lab that leaves Redis and comes back: a stream → a topic → a topic → a stream, the first stage being the lab's own mapping. */
import type { Admin } from 'kafkajs';
import { toSequenceNumber } from '../../../src/record.ts';
import { eventually } from '../../support/daemon.ts';
import type { TestKafka } from '../../support/kafka/use-kafka.ts';
import { checkOutputs, type OutputViolation, type StageInput, type StageOutput } from '../check-outputs.ts';
import type { Lab } from './lab.ts';
import type { LabSpec } from './project.ts';
import { MAPPING } from './source.ts';
import { entriesOf } from './stage.ts';

const STAGE_DRAIN_MS_MAX = 150_000;
const ARCHIVED = 'archived';

/** The topics of one run: enriched by the first stage, aggregated by the second. */
export interface PipelineTopics {
  readonly enriched: string;
  readonly aggregated: string;
}

export async function makeTopics(kafka: TestKafka): Promise<PipelineTopics> {
  return { enriched: await kafka.topic(3), aggregated: await kafka.topic(2) };
}

export function kafkaPipeline(kafka: TestKafka, topics: PipelineTopics): Pick<LabSpec, 'mapping' | 'more'> {
  const out = (topic: string) => ({ type: 'kafka-topic', connection: 'between', topic });
  const stage = (name: string, topic: string, output: object) => ({
    ...{ function: name, eventFormat: 'kinesis', batchSize: 6, output },
    source: { type: 'kafka', connection: 'between', topic, consumerGroupId: groupOf(topic) },
    functionResponseTypes: ['ReportBatchItemFailures'],
  });
  return {
    mapping: { output: out(topics.enriched) },
    more: {
      connections: { between: { type: 'kafka', brokers: [kafka.bootstrap] } },
      functions: {
        stage: { code: 'stage.ts', handler: 'stage', timeout: 20 },
        last: { code: 'stage.ts', handler: 'stage', timeout: 20, environment: { FANS_OUT: '1' } },
      },
      mappings: {
        aggregate: stage('stage', topics.enriched, out(topics.aggregated)),
        archive: stage('last', topics.aggregated, { type: 'redis-stream', stream: ARCHIVED }),
      },
    },
  };
}

const groupOf = (topic: string): string => `g-${topic}`;

/** What is not at its end yet, stage after stage: what comes later counts only once what comes before is there. */
async function unfinished({ redis, keys }: Lab, admin: Admin, topics: PipelineTopics): Promise<string[]> {
  const unsent = async (mapping: string): Promise<string[]> => {
    const ids = await redis.zrange(keys.shardIndex(mapping), '0', '-1');
    const lengths = await Promise.all(ids.map((id) => redis.xlen(keys.unsent(mapping, id))));
    const states = await Promise.all(ids.map((id) => redis.hgetall(keys.shard(mapping, id))));
    return ids.filter((_, i) => lengths[i]! > 0 || states[i]!['units'] !== '[]' || 'out' in states[i]!);
  };
  const behind = async (topic: string): Promise<string[]> => {
    const [committed] = await admin.fetchOffsets({ groupId: groupOf(topic), topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    const at = new Map(committed!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    return ends.flatMap(({ partition, high }) =>
      Number(high) > 0 && at.get(partition) !== Number(high) ? [`${topic}-${partition}`] : [],
    );
  };
  const steps = [
    () => unsent(MAPPING),
    ...[() => behind(topics.enriched), () => unsent('aggregate')],
    ...[() => behind(topics.aggregated), () => unsent('archive')],
  ];
  for (const step of steps) {
    const left = await step();
    if (left.length > 0) return left;
  }
  return [];
}

export interface KafkaPipelineChecked {
  readonly violations: readonly OutputViolation[];
  readonly records: number;
  readonly archived: number;
  /** Records that transactions left behind which were never committed. */
  readonly aborted: number;
}

/** Waits until every stage is at its end, and checks each of them. After `lab.drain()`, with the daemons alive. */
export async function checkKafkaPipeline(
  lab: Lab,
  kafka: TestKafka,
  topics: PipelineTopics,
): Promise<KafkaPipelineChecked> {
  const none = (left: readonly string[]): boolean => left.length === 0;
  const look = (): Promise<string[]> => unfinished(lab, kafka.admin, topics);
  await eventually(look, none, { withinMs: STAGE_DRAIN_MS_MAX, everyMs: 500, what: 'every stage at its end' });
  const both = [topics.enriched, topics.aggregated];
  const [reading, counting] = [
    both.map((topic) => kafka.committed(topic)),
    both.map((topic) => kafka.everything(topic)),
  ];
  const [enriched, aggregated] = (await Promise.all(reading)) as [Records, Records];
  const written = (await Promise.all(counting)).reduce((sum, count) => sum + count, 0);
  const archived = (await lab.redis.xrange(ARCHIVED, '-', '+')).map(([, fields]) => {
    const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
    return { origin: value('origin'), data: value('data') };
  });
  const streams = await Promise.all(
    lab.shards.map(async ({ shardId, key }): Promise<StageInput> => {
      const entries = await lab.redis.xrange(key, '-', '+');
      return { shardId, sequenceNumbers: entries.map(([id]) => toSequenceNumber(id)) };
    }),
  );
  const one = (): number => 1;
  const many = (name: string): number => entriesOf(name, true);
  const violations = [
    ...checkOutputs({ mapping: MAPPING, expected: one }, streams, outputsOf(enriched)),
    ...checkOutputs(
      { mapping: 'aggregate', expected: one },
      inputsOf(topics.enriched, enriched),
      outputsOf(aggregated),
    ),
    ...checkOutputs({ mapping: 'archive', expected: many }, inputsOf(topics.aggregated, aggregated), [archived]),
  ];
  return {
    violations,
    records: streams.reduce((sum, { sequenceNumbers }) => sum + sequenceNumbers.length, 0),
    archived: archived.length,
    aborted: written - enriched.length - aggregated.length,
  };
}

type Records = Awaited<ReturnType<TestKafka['committed']>>;

function byPartition(records: Records): Map<number, Records> {
  const found = new Map<number, Records[number][]>();
  for (const record of records) found.set(record.partition, found.get(record.partition) ?? []);
  for (const record of records) found.get(record.partition)!.push(record);
  return found;
}

function inputsOf(topic: string, records: Records): StageInput[] {
  return [...byPartition(records)].map(([partition, own]) => {
    return { shardId: `${topic}-${partition}`, sequenceNumbers: own.map(({ offset }) => String(offset)) };
  });
}

function outputsOf(records: Records): StageOutput[] {
  return [...byPartition(records).values()].map((own) => own.map(({ origin, value }) => ({ origin, data: value })));
}
