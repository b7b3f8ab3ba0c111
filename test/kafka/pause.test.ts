/** `millrace mapping pause` and `resume` of a Kafka topic: nothing runs and nothing is committed, the group's lag grows, and it goes on in order. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { numbers } from '../support/engine.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import {
  caughtUp,
  dataOf,
  joined,
  kafkaSaid,
  kafkaWorld,
  keyed,
  patiently,
  SAID,
  settled,
} from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();

test('a topic: what is in flight is settled, then the lag grows, also under another daemon; resume goes on in order', async () => {
  const topic = await kafka.topic(2);
  const shard = (n: number) => `${topic}-${n}`;
  await kafka.send(topic, keyed(numbers(4)), 0);
  await kafka.send(topic, keyed(numbers(4, 100)), 1);
  const w = await kafkaWorld(redis, kafka, { topic, mapping: { batchSize: 2 } });
  const act = (verb: 'pause' | 'resume', ...args: string[]) =>
    run(MILLRACE, ['mapping', verb, 'm', '-c', w.config, ...args]);
  const first = w.start();
  await settled(w, 8);
  await caughtUp(kafka, w, 4);
  expect(await act('pause')).toMatchObject({ code: 0, stdout: 'm: 2 shards paused\n' });
  await kafka.send(topic, keyed(numbers(6, 4)), 0);
  await kafka.send(topic, keyed(numbers(6, 104)), 1);
  // They are fetched as ever, up to the bound of the spool.
  await patiently(
    async () => [await w.state(0), await w.state(1)],
    (states) => states.every((s) => s['sp:next'] === '10'),
    { what: 'both are spooled' },
  );
  const lags = async () =>
    [...(await kafka.group(w.groupId))].sort(([a], [b]) => a - b).map(([, seen]) => [seen.offset, seen.lag]);
  expect(await lags()).toEqual([
    [4, 6],
    [4, 6],
  ]);

  const killed = first.exited;
  first.kill('SIGKILL');
  await killed;
  const second = w.start();
  await joined(second);
  await kafka.send(topic, keyed(numbers(2, 10)), 0);
  await patiently(
    () => w.state(0),
    (s) => s['sp:next'] === '12',
    { what: 'the other one fills it' },
  );
  await wait(2_000);
  expect(kafkaSaid(second)).toEqual([]);
  expect(await w.succeeded()).toBe(8);
  expect(await lags()).toEqual([
    [4, 8],
    [4, 6],
  ]);

  // One partition alone, then the rest.
  expect(await act('resume', '--shard', shard(0))).toMatchObject({ code: 0, stdout: `m: ${shard(0)} running again\n` });
  await settled(w, 16);
  await caughtUp(kafka, w, 12);
  expect(dataOf(kafkaSaid(second), shard(1))).toEqual([]);
  expect((await lags())[1]).toEqual([4, 6]);
  expect(await act('resume')).toMatchObject({ code: 0, stdout: 'm: 1 shard running again\n' });
  await settled(w, 22);
  await expect.poll(() => dataOf(kafkaSaid(second), shard(0)), SAID).toEqual(numbers(8, 4));
  await expect.poll(() => dataOf(kafkaSaid(second), shard(1)), SAID).toEqual(numbers(6, 104));
  await patiently(lags, (seen) => seen.every(([, lag]) => lag === 0), { what: 'no lag is left' });
  expect(await w.notices()).toEqual([]);
  await second.stop();
});
