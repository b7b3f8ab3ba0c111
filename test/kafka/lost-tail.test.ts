/** A Redis that comes back without its last writes (a fail-over, a cut file), while a topic has outputs of them: nothing is taken for sent. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { OUTBOX_LEASE_MS } from '../../src/outbox-limits.ts';
import { Keys } from '../../src/redis/keys.ts';
import { type RedisServer, startRedisServer } from '../../src/redis/server.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaWorld, patiently } from '../support/kafka/world.ts';

const kafka = useKafka();
const keys = new Keys('millrace');
const unsent = keys.unsent('m', 'shardId-000000000000');
const state = keys.shard('m', 'shardId-000000000000');
const HOUR = 3_600_000;
const ended: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

/** A server whose files can be put aside, and that can come back with those: what was written since is lost. */
async function losingRedis() {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-lost-'));
  ended.push(() => rm(dir, { recursive: true, force: true }));
  const [live, aside] = [path.join(dir, 'live'), path.join(dir, 'aside')];
  let server: RedisServer = await startRedisServer({ dir: live, appendfsync: 'always' });
  const { url, port } = server;
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  ended.push(async () => {
    client.disconnect();
    await server.stop();
  });
  return {
    ...{ url, client },
    putAside: () => cp(live, aside, { recursive: true }),
    async loseTail() {
      server.kill('SIGKILL');
      await server.exited;
      await rm(live, { recursive: true });
      await cp(aside, live, { recursive: true });
      server = await startRedisServer({ dir: live, appendfsync: 'always', port });
    },
  };
}

const ECHO = `export const handler = async (event) => ({ output: event.Records.map((record) => ({
  itemIdentifier: record.kinesis.sequenceNumber, data: Buffer.from(record.kinesis.data, 'base64').toString() })) });`;

async function world() {
  const redis = await losingRedis();
  const target = await kafka.topic(1);
  const output = { type: 'kafka-topic', connection: 'test', topic: target };
  const mapping = { source: { type: 'redis-stream', stream: 'in' }, startingPosition: 'TRIM_HORIZON', output };
  const w = await kafkaWorld(redis, kafka, { topic: 'unused', handler: ECHO, mapping });
  const add = async (...values: readonly string[]) => {
    for (const data of values) await redis.client.xadd('in', '*', 'partitionKey', 'k', 'data', data);
  };
  const settledAndLeft = async () => [
    Number(await redis.client.hget(state, 'n:succeeded')),
    await redis.client.xlen(unsent),
  ];
  const settled = (count: number, andSent = true) =>
    patiently(settledAndLeft, ([done, left]) => done === count && (!andSent || left === 0), {
      what: `${count} records settled${andSent ? ' and sent' : ''}`,
    });
  const read = (count: number) =>
    readTopic(
      kafka.client,
      target,
      (_, { value }) => String(value),
      (all) => all.length >= count,
    );
  // As a server writes from here on whose clock is so far ahead.
  const clockAhead = (ms: number) => redis.client.xsetid(unsent, `${Date.now() + ms}-0`);
  return { redis, add, settled, read, clockAhead, start: w.start };
}

test('outputs whose ids are lower than that of the last one in the topic, because the clock of the new Redis is behind', async () => {
  const { redis, add, settled, read, clockAhead, start } = await world();
  const daemon = start();
  await add('1', '2');
  await settled(2);
  await redis.putAside();
  await clockAhead(HOUR);
  await add('lost');
  await settled(3);
  await redis.loseTail();
  await add('3', '4');
  await settled(4);
  expect(await read(5)).toEqual(['1', '2', 'lost', '3', '4']);
  expect(await daemon.stop()).toBe(0);
});

test('outputs on both sides of the last one in the topic, and what was sent before and is not removed any more', async () => {
  const { redis, add, settled, read, clockAhead, start } = await world();
  const daemon = start();
  await add('1');
  await settled(1);
  // Somebody else has the lease: what is written now waits.
  const held = () => redis.client.hset(state, { 'oo:by': 'another', 'oo:until': Date.now() + OUTBOX_LEASE_MS });
  await held();
  await add('2');
  await settled(2, false);
  await redis.putAside();
  await settled(2);
  await clockAhead(HOUR);
  await add('lost');
  await settled(3);
  await redis.loseTail();
  await held();
  await add('3');
  await settled(3, false);
  await clockAhead(2 * HOUR);
  await add('4');
  await settled(4);
  // `2` is in the outbox again and, as far as anybody can know, not sent.
  expect(await read(6)).toEqual(['1', '2', 'lost', '2', '3', '4']);
  expect(await daemon.stop()).toBe(0);
});
