/** `millrace mapping rewind` of Kafka partitions, and what the audit log has of an operator's reset. */
import { describe, expect, test } from 'vitest';
import { type AuditEntry, readAudit } from '../../src/observe/audit.ts';
import { Keys } from '../../src/redis/keys.ts';
import { numbers } from '../support/engine.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import {
  caughtUp,
  dataOf,
  kafkaSaid,
  type KafkaWorld,
  kafkaWorld,
  keyed,
  SAID,
  settled,
} from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();
const cli = (w: KafkaWorld, ...args: string[]) => run(MILLRACE, ['mapping', 'rewind', 'm', '-c', w.config, ...args]);
const audited = async (): Promise<AuditEntry[]> =>
  (await readAudit(redis.client, new Keys('millrace'))).filter(({ command }) => command !== 'start');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('rewind', () => {
  test('to an offset of a partition, while its daemon runs: fetched again from there, and the group’s offset follows', async () => {
    const topic = await kafka.topic(2);
    await kafka.send(topic, keyed(numbers(10)), 0);
    await kafka.send(topic, keyed(numbers(5, 100)), 1);
    const w = await kafkaWorld(redis, kafka, { topic });
    const daemon = w.start();
    await settled(w, 15);
    await caughtUp(kafka, w, 10);
    const shard = `${topic}-0`;
    expect((await cli(w, '--to', '4')).stderr).toContain(`offset 4 of which partition of ${topic}?`);
    const asked = await cli(w, '--to', '4', '--shard', shard);
    expect(asked).toMatchObject({ code: 1, stderr: '' });
    expect(asked.stdout).toBe(
      `m: up to 6 records of 1 shard would run again from 4 on; repeat with --yes to do it.\n  ${shard}: up to 6 records from 4 on\n`,
    );
    expect(await cli(w, '--to', '4', '--shard', shard, '--yes')).toMatchObject({ code: 0 });
    await settled(w, 21);
    await expect.poll(() => dataOf(kafkaSaid(daemon), shard), SAID).toEqual([...numbers(10), ...numbers(6, 4)]);
    expect(await w.state()).toMatchObject({ gen: '2', 'n:redelivered': '6' });
    expect(await w.state(1)).toMatchObject({ gen: '1' });
    await caughtUp(kafka, w, 10);
    expect(await w.notices()).toEqual([]);
    expect(await audited()).toMatchObject([
      { command: 'mapping rewind', mapping: 'm', shard, detail: 'to 4: 6 records of 1 shard run again' },
    ]);
    // Live records go on.
    await kafka.send(topic, keyed(numbers(2, 10)), 0);
    await settled(w, 23);
    await expect.poll(() => dataOf(kafkaSaid(daemon), shard).slice(-2), SAID).toEqual(['r10', 'r11']);
  });

  test('with everybody killed in the middle of a unit: what is not settled of it runs again with the rest', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(6)));
    const handler = `export const handler = async (event, context) => { say(event, context);
      if (say.length && JSON.stringify(event).includes(Buffer.from('r4').toString('base64'))) await new Promise((r) => setTimeout(r, 2_000)); };`;
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 1 } });
    const first = w.start();
    await settled(w, 4);
    await expect.poll(() => dataOf(kafkaSaid(first), `${topic}-0`), SAID).toEqual(numbers(5));
    const killed = first.exited;
    first.kill('SIGKILL');
    await killed;
    expect(await cli(w, '--to', '2', '--shard', `${topic}-0`, '--yes')).toMatchObject({ code: 0 });
    expect(await w.state()).toMatchObject({ gen: '2', units: '[]', 'sp:next': '2', 'n:redelivered': '2' });
    const second = w.start();
    await settled(w, 8);
    await expect.poll(() => dataOf(kafkaSaid(second), `${topic}-0`), SAID).toEqual(numbers(4, 2));
    expect(await w.notices()).toEqual([]);
  });

  test('to a time, and to the beginning: all partitions, no further than the log still goes', async () => {
    const topic = await kafka.topic(2);
    await kafka.send(topic, keyed(numbers(5)), 0);
    await kafka.send(topic, keyed(numbers(3, 100)), 1);
    await pause(50);
    const between = new Date().toISOString();
    await pause(50);
    await kafka.send(topic, keyed(numbers(2, 5)), 0);
    await kafka.send(topic, keyed(numbers(1, 103)), 1);
    const w = await kafkaWorld(redis, kafka, { topic });
    const daemon = w.start();
    await settled(w, 11);
    expect(await cli(w, '--to', between, '--yes')).toMatchObject({ code: 0 });
    await settled(w, 14);
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-0`).slice(7), SAID).toEqual(numbers(2, 5));
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-1`).slice(4), SAID).toEqual(numbers(1, 103));
    // Asked first: the client has to have heard of the topic.
    await kafka.admin.fetchTopicOffsets(topic);
    await kafka.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
    expect(await cli(w, '--to', 'TRIM_HORIZON', '--yes')).toMatchObject({ code: 0 });
    await settled(w, 22);
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-0`).slice(9), SAID).toEqual(numbers(4, 3));
    // Nothing that was settled is reported as lost.
    expect(await w.notices()).toEqual([]);
  });
});

test('an operator who sets the group’s offset is audited as one, and the age of what runs again counts from then', async () => {
  const topic = await kafka.topic(1);
  await kafka.send(topic, keyed(numbers(10)), 0);
  const w = await kafkaWorld(redis, kafka, { topic });
  const first = w.start();
  await settled(w, 10);
  await caughtUp(kafka, w, 10);
  await first.stop();
  const reset = (offset: string) =>
    kafka.admin.setOffsets({ groupId: w.groupId, topic, partitions: [{ partition: 0, offset }] });
  await reset('4');
  const second = w.start();
  await settled(w, 16);
  const state = await w.state();
  expect(state).toMatchObject({ rwTo: '10-0' });
  expect(Number(state['rwAt'])).toBeGreaterThan(Date.now() - 60_000);
  const { detail, ...entry } = (await audited())[0]!;
  expect(entry).toMatchObject({
    command: 'kafka offsets',
    who: 'somebody else in the group',
    mapping: 'm',
    shard: `${topic}-0`,
  });
  expect(detail).toBe("the group's offset was set to 4 by somebody else: reading goes on there");
  await second.stop();
});
