/** The example of Kafka as a user runs it, on a broker that is there. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/house/files.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { useRedis } from '../support/redis.ts';
import { run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();

test('npm start -- orders: each order is charged once, the poison one after it was mended', async () => {
  const main = [path.join(ROOT, 'examples', 'main.ts'), 'orders'];
  const env = { REDIS_URL: redis.url, KAFKA_BROKERS: kafka.bootstrap };
  const { code, stdout, stderr } = await run(process.execPath, main, { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/charged 999 of 1000 orders, and gave one up/);
  expect(stdout).toMatch(/RetryAttemptsExhausted +1 +TypeError: Cannot read properties of null \(reading 'cents'\)/);
  expect(stdout).toMatch(/^1 record redriven: 1 succeeded, 0 failed again\.$/m);
  expect(stdout).toMatch(/orders +1000 of 1000 charged, 999 before the redrive and 1 by it/);
  expect(Number(/repeats +(\d+) orders came again/.exec(stdout)![1])).toBeGreaterThan(0);
  expect((await kafka.admin.listTopics()).filter((topic) => topic.startsWith('orders-'))).toEqual([]);
});
