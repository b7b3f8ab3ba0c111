/** Daemons that come, go and die, and a broker that does: order, no loss, and no repeat beyond the batch that was in flight. */
import { describe, expect, test } from 'vitest';
import { configDir } from '../support/daemon.ts';
import { numbers } from '../support/engine.ts';
import { startBroker, stopBroker } from '../support/kafka/broker.ts';
import { startOwnBroker, useKafka } from '../support/kafka/use-kafka.ts';
import { dataOf, joined, kafkaSaid, kafkaWorld, keyed, patiently, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const PARTITIONS = 4;

async function fill(topic: string, from: number, to: number): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++)
    await kafka.send(topic, keyed(numbers(to - from, from)), partition);
}

describe('with two daemons', () => {
  test('joining and leaving neither repeats nor reorders a record', async () => {
    const topic = await kafka.topic(PARTITIONS);
    const w = await kafkaWorld(redis, kafka, { topic, mapping: { batchSize: 5 } });
    const first = w.start();
    await joined(first);
    const daemons = [first];
    for (let round = 0; round < 4; round++) {
      await fill(topic, round * 50, round * 50 + 50);
      if (round % 2 === 0) {
        daemons.push(w.start());
        await joined(daemons.at(-1)!);
      } else expect(await daemons.at(-1)!.stop()).toBe(0);
    }
    await settled(w, PARTITIONS * 200);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await expect
        .poll(() => [...dataOf(kafkaSaid(...daemons), `${topic}-${partition}`)].sort(byNumber), SAID)
        .toEqual(numbers(200));
    }
  });

  test('a killed one’s partitions go on elsewhere; at most the batch in flight is repeated', async () => {
    const topic = await kafka.topic(PARTITIONS);
    const handler = `export const handler = async (event, context) => { say(event, context);
      await new Promise((resolve) => setTimeout(resolve, 5)); };`;
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 5 } });
    const [a, b] = [w.start(), w.start()];
    await Promise.all([joined(a), joined(b)]);
    await fill(topic, 0, 100);
    await patiently(
      () => w.succeeded(),
      (n) => n > 50,
      { what: 'work under way' },
    );
    a.kill('SIGKILL');
    await fill(topic, 100, 150);
    await settled(w, PARTITIONS * 150);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const shard = `${topic}-${partition}`;
      await expect.poll(() => new Set(dataOf(kafkaSaid(a, b), shard)).size, SAID).toBe(150);
      const { data, repeats } = inOrder(kafkaSaid(a, b), shard);
      expect(data).toEqual(numbers(150));
      expect(repeats).toBeLessThanOrEqual(5);
    }
    expect(await w.notices()).toEqual([]);
  });
});

describe('a broker', () => {
  test('that is killed and comes back loses and repeats nothing', async () => {
    const { place, client, ...started } = await startOwnBroker(await configDir({}), 'own', 2);
    let { broker } = started;
    try {
      const send = async (texts: readonly string[]) => {
        const producer = client.producer({ idempotent: true });
        await producer.connect();
        for (const partition of [0, 1])
          await producer.send({ topic: 'own', messages: texts.map((value) => ({ value, partition })) });
        await producer.disconnect();
      };
      await send(numbers(50));
      const brokers = [`127.0.0.1:${place.port}`];
      const w = await kafkaWorld(redis, kafka, { topic: 'own', connection: { brokers }, mapping: { batchSize: 5 } });
      const daemon = w.start();
      await settled(w, 100);
      await stopBroker(broker, 'SIGKILL');
      broker = await startBroker(place);
      await send(numbers(50, 50));
      await settled(w, 200);
      for (const shard of ['own-0', 'own-1'])
        await expect.poll(() => dataOf(kafkaSaid(daemon), shard), SAID).toEqual(numbers(100));
      expect(await w.notices()).toEqual([]);
      expect(await w.state()).toMatchObject({ gen: '1' });
      // A stop while it is away is a stop all the same.
      await stopBroker(broker, 'SIGKILL');
      expect(await daemon.stop()).toBe(0);
    } finally {
      await stopBroker(broker, 'SIGKILL');
    }
  });
});

function byNumber(a: string | null, b: string | null): number {
  return Number(a?.slice(1)) - Number(b?.slice(1));
}

/** Lines of two daemons come by two pipes: brought into the order of the epochs under which they ran. */
function inOrder(said: ReturnType<typeof kafkaSaid>, shard: string) {
  const ours = said.filter((one) => one.shard === shard).toSorted((x, y) => Number(x.epoch) - Number(y.epoch));
  const data: (string | null)[] = [];
  let repeats = 0;
  for (const value of ours.flatMap((one) => one.data)) {
    if (data.includes(value)) repeats++;
    else data.push(value);
  }
  return { data, repeats };
}
