/** `millrace mapping skip` of a Kafka partition: in the spool, with notices in a topic, and the group's offset behind it. */
import { expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { numbers } from '../support/engine.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { caughtUp, dataOf, kafkaSaid, kafkaWorld, keyed, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();

test('the offset that blocks a partition, then all up to one: the others run in order, also after a kill', async () => {
  const topic = await kafka.topic(1);
  const shard = `${topic}-0`;
  await kafka.send(topic, keyed(['r0', 'bad1', 'r2', 'bad3', 'bad4', ...numbers(5, 5)]));
  const handler = `export const handler = async (event, context) => { say(event, context);
    if (Buffer.from(Object.values(event.records).flat()[0].value, 'base64').toString().startsWith('bad')) throw new Error('bad'); };`;
  const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 1 } });
  const cli = (...args: string[]) => run(MILLRACE, ['mapping', 'skip', 'm', '-c', w.config, '--shard', shard, ...args]);
  const blockedBy = (first: string) =>
    eventually(
      () => w.state(),
      (s) =>
        (JSON.parse(s['units'] ?? '[]') as { first: string; failures: number }[]).some(
          (u) => u.first === first && u.failures > 0,
        ),
      { what: `${first} blocks it`, withinMs: 30_000 },
    );
  const first = w.start();
  await blockedBy('2-0');
  expect((await cli()).stdout).toBe(`m/${shard}: 1 record would be skipped, 1; repeat with --yes to do it.\n`);
  expect(await cli('--yes')).toMatchObject({ code: 0, stdout: `m/${shard}: 1 record skipped, up to 1\n` });
  await blockedBy('4-0');
  first.kill('SIGKILL');
  await first.exited;
  expect(await cli('--to', '4', '--yes')).toMatchObject({
    code: 0,
    stdout: `m/${shard}: 2 records skipped, up to 4\n`,
  });
  expect(await cli('--to', '4', '--yes')).toMatchObject({ code: 1 });
  const second = w.start();
  await settled(w, 7);
  await expect.poll(() => dataOf(kafkaSaid(second), shard), SAID).toEqual(numbers(5, 5));
  expect(await w.state()).toMatchObject({ 'n:givenUp': '3', gen: '1', blk: '' });
  const notices = (await w.notices()) as unknown as {
    requestContext: object;
    KafkaBatchInfo: { recordsInfo: object };
  }[];
  expect(notices.map((n) => [n.requestContext, n.KafkaBatchInfo.recordsInfo])).toMatchObject(
    [1, 3, 4].map((offset) => [
      { condition: 'SkippedByOperator' },
      { [shard]: { firstRecordOffset: offset, lastRecordOffset: offset } },
    ]),
  );
  await caughtUp(kafka, w, 10);
});
