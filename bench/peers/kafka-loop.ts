/**
 * What one would write by hand on kafkajs: eachBatch, in portions of a hundred: parse each record, then resolve the offset; committed by the client now and then. No
 * sandbox, no retries; what was handed out when it dies comes again, and a slow portion holds up its whole broker.
 * Arguments: bootstrap server, topic, group, records per portion, records in all. Says `warm <n>` once a tenth is done, and `done <n>`.
 */
import { Kafka, logLevel } from 'kafkajs';

const [broker, topic, groupId, portionText, totalText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const portion = Number(portionText);
const total = Number(totalText);
let sum = 0;
let done = 0;
let warm = false;

async function handler(values: readonly (Buffer | null)[]): Promise<void> {
  for (const value of values) sum += (JSON.parse(value!.toString()) as { id: number }).id;
  await Promise.resolve();
}

const kafka = new Kafka({ clientId: 'loop', brokers: [broker], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommitInterval: 1_000,
  partitionsConsumedConcurrently: 12,
  eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary }) => {
    const { messages } = batch;
    for (let at = 0; at < messages.length; at += portion) {
      const some = messages.slice(at, at + portion);
      await handler(some.map(({ value }) => value));
      resolveOffset(some.at(-1)!.offset);
      done += some.length;
      await commitOffsetsIfNecessary();
    }
    await heartbeat();
    if (!warm && done >= total / 10) {
      warm = true;
      process.stdout.write(`warm ${done}\n`);
    }
    if (done >= total) process.stdout.write(`done ${done} ${sum}\n`);
  },
});
