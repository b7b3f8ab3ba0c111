/** A small world for tests with Kafka: one Redis, one broker, a configuration, daemons, and what the handler said. */
import { stringify } from 'yaml';
import { Keys } from '../../../src/redis/keys.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE, type TestDaemon } from '../daemon.ts';
import type { Notice as StreamNotice } from '../engine.ts';
import type { TestRedis } from '../redis.ts';
import type { TestKafka } from './use-kafka.ts';

/** Two daemons, a broker and a Redis on two cores beside other tests: what comes at all comes within this. */
const PATIENCE_MS = 60_000;

/** For `expect.poll(() => kafkaSaid(…), SAID)`. */
export const SAID = { timeout: PATIENCE_MS, interval: 25 };

export function patiently<T>(
  ask: () => Promise<T> | T,
  enough: (answer: T) => boolean,
  options: { readonly what: string },
): Promise<T> {
  return eventually(ask, enough, { ...options, withinMs: PATIENCE_MS });
}

/** Records whose key is their text. */
export function keyed(texts: readonly string[]): { key: string; value: string }[] {
  return texts.map((value) => ({ key: value, value }));
}

export async function settled(w: KafkaWorld, n: number): Promise<void> {
  await patiently(
    () => w.succeeded(),
    (count) => count === n,
    { what: `${n} records settled` },
  );
}

/** Partition 0 is committed there, and there is its end. */
export async function caughtUp(kafka: TestKafka, w: KafkaWorld, offset: number): Promise<void> {
  await patiently(
    () => kafka.group(w.groupId),
    (seen) => seen.get(0)?.offset === offset && seen.get(0)?.lag === 0,
    { what: `offset ${offset} and no lag` },
  );
}

export async function joined(daemon: TestDaemon): Promise<void> {
  await daemon.line((l) => l.msg === 'Kafka: partitions assigned', 'it joined the group');
}

/** Handlers say what they saw with console.log(JSON): the daemon's log carries it, in the order of the partition. */
const SAY = `
const say = (event, context, extra) => {
  const [shard, records] = Object.entries(event.records)[0];
  console.log(JSON.stringify({
    id: context.awsRequestId, attempt: context.millrace.attempt, shard, epoch: context.millrace.epoch,
    data: records.map((r) => r.value === null ? null : Buffer.from(r.value, 'base64').toString()),
    offsets: records.map((r) => r.offset), ...extra }));
};
`;

export interface Said {
  readonly id: string;
  readonly attempt: number;
  readonly shard: string;
  readonly epoch: string;
  readonly data: readonly (string | null)[];
  readonly offsets: readonly number[];
}

export interface Notice extends Omit<StreamNotice, 'KinesisBatchInfo'> {
  readonly KafkaBatchInfo: {
    readonly batchSize: number;
    readonly recordsInfo: Readonly<
      Record<string, { readonly firstRecordOffset: number; readonly lastRecordOffset: number }>
    >;
  };
}

export interface KafkaWorldSpec {
  readonly topic: string;
  /** Body of the handler module; SAY is in front of it. Default: it says what it got. */
  readonly handler?: string;
  readonly mapping?: Record<string, unknown>;
  readonly function?: Record<string, unknown>;
  readonly source?: Record<string, unknown>;
  readonly connection?: Record<string, unknown>;
  /** Beside the one that is called `test`. */
  readonly connections?: Record<string, unknown>;
}

export interface KafkaWorld {
  readonly config: string;
  readonly dir: string;
  readonly groupId: string;
  start(args?: readonly string[]): TestDaemon;
  /** Of partition 0, if none is given. */
  state(partition?: number): Promise<Record<string, string>>;
  /** Over all partitions. */
  succeeded(): Promise<number>;
  notices(): Promise<Notice[]>;
}

export async function kafkaWorld(
  redis: Pick<TestRedis, 'url' | 'client'>,
  kafka: Pick<TestKafka, 'bootstrap'>,
  spec: KafkaWorldSpec,
): Promise<KafkaWorld> {
  const { topic } = spec;
  const groupId = `g-${topic}`;
  const yaml = stringify({
    redis: redis.url,
    connections: { test: { type: 'kafka', brokers: [kafka.bootstrap], ...spec.connection }, ...spec.connections },
    functions: { f: { code: 'handler.mjs', handler: 'handler', ...spec.function } },
    mappings: {
      m: {
        function: 'f',
        source: { type: 'kafka', connection: 'test', topic, consumerGroupId: groupId, ...spec.source },
        ...spec.mapping,
      },
    },
  });
  const handler = SAY + (spec.handler ?? 'export const handler = async (event, context) => { say(event, context); };');
  const dir = await configDir({ 'millrace.yaml': yaml, 'handler.mjs': handler });
  const keys = new Keys('millrace');
  const config = `${dir}/millrace.yaml`;
  const state = (partition = 0) => redis.client.hgetall(keys.shard('m', `${topic}-${partition}`));
  return {
    ...{ config, dir, groupId, state },
    start: (args = []) => startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE }, args }),
    async succeeded() {
      const shards = await redis.client.zrange(keys.shardIndex('m'), '0', '-1');
      const counts = await Promise.all(shards.map((shard) => redis.client.hget(keys.shard('m', shard), 'n:succeeded')));
      return counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
    },
    async notices() {
      const entries = await redis.client.xrange(keys.failures('m'), '-', '+');
      return entries.map(([, fields]) => JSON.parse(fields[1]!) as Notice);
    },
  };
}

/** What handlers said, over all given daemons, in the order of their log lines. */
export function kafkaSaid(...daemons: readonly TestDaemon[]): Said[] {
  return daemons
    .flatMap((daemon) => daemon.lines)
    .filter((line) => line['stream'] === 'handler' && line.msg.startsWith('{'))
    .map((line) => JSON.parse(line.msg) as Said);
}

/** What was said of one partition, record by record. */
export function dataOf(said: readonly Said[], shard: string): (string | null)[] {
  return said.filter((one) => one.shard === shard).flatMap((one) => one.data);
}
