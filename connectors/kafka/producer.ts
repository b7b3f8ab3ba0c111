/**
 * kafkajs as a producer, by the rules of kafkajs.ts. Idempotent, so that its own retries put nothing twice; acknowledged by all replicas
 * that are in sync. After a send that failed in the end nobody knows what the broker has: a new producer, with a new id, begins, because
 * this one would number the next messages like the last ones, and the broker would take them for repeats.
 */
import kafkajs, { type Producer } from 'kafkajs';
import { KAFKA_REQUEST_MS } from '../../src/limits.ts';
import type { Log } from '../../src/observe/log.ts';
import { MessageTooLarge, type OutgoingMessage, type Sender } from '../../src/outbox.ts';
import type { KafkaConnection } from './client.ts';
import { explainSend, isTooLarge } from './explain.ts';
import { openKafka, RETRY_A_LITTLE, toLog } from './kafkajs.ts';
import { patchKafkajs } from './patches.ts';

export function createKafkaSender(connection: KafkaConnection, topic: string, log: Log): Sender {
  patchKafkajs();
  let producer: Producer | null = null;
  const drop = async () => {
    const gone = producer;
    producer = null;
    await gone?.disconnect().catch((error: unknown) => log.debug({ error: String(error) }, 'a producer ended badly'));
  };
  return {
    async send(messages) {
      try {
        producer ??= await open(connection, log);
        await producer.send({ topic, acks: -1, timeout: KAFKA_REQUEST_MS, messages: messages.map(toMessage) });
      } catch (error) {
        await drop();
        if (isTooLarge(error)) throw new MessageTooLarge(explainSend(error, topic), { cause: error });
        throw new Error(explainSend(error, topic), { cause: error });
      }
    },
    close: drop,
  };
}

async function open(connection: KafkaConnection, log: Log): Promise<Producer> {
  const kafka = openKafka(
    connection,
    RETRY_A_LITTLE,
    toLog(log, () => undefined),
  );
  const producer = kafka.producer({
    ...{ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, retry: RETRY_A_LITTLE },
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return producer;
}

function toMessage({ key, headers, value }: OutgoingMessage) {
  const named: Record<string, string[]> = {};
  for (const [name, text] of headers) (named[name] ??= []).push(text);
  return { key, value, headers: named };
}
