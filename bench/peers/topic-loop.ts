/**
 * What one would write by hand on kafkajs: eachBatch in portions, each given to the handler in this process and resolved, partitions beside each other; committed by
 * the client now and then. No sandbox; what was handed out when it dies comes again; a slow portion holds up its whole broker.
 * Arguments: bootstrap server, topic, group, records per portion, records in all, the kind of work and its options (support/kinds.ts).
 */
import { Kafka, logLevel } from 'kafkajs';
import { kindOf } from '../support/kinds.ts';
import { tellProgress } from '../support/telling.ts';

const [broker, topic, groupId, portionText, totalText, ...kind] = process.argv.slice(2) as [
  ...[string, string, string, string, string],
];
const portion = Number(portionText);
const work = kindOf(kind);
const telling = tellProgress();
let left = Number(totalText);

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
      await work(some.map(({ value }) => value!.toString()));
      resolveOffset(some.at(-1)!.offset);
      telling.add(some.length);
      await commitOffsetsIfNecessary();
      await heartbeat();
    }
    left -= messages.length;
    if (left <= 0) telling.end();
  },
});
