/**
 * kafkajs as a producer, by the rules of kafkajs.ts. Idempotent, so that its own retries put nothing twice; acknowledged by all replicas
 * that are in sync. What has to be worked around, else the broker would take new messages for repeats and drop them, or some would never go:
 *
 *  1. It counts a failed request's sequence numbers back, whatever the broker has of it. → One send at a time, its retries included; after
 *     one that failed in the end a new producer, with a new id, begins.
 *  2. A retry distributes all messages anew, and asks only the brokers that did not answer: one without a key would change its partition,
 *     and with it be left out or go twice. → Each message keeps the partition that it got first.
 */
import kafkajs, { type Producer } from 'kafkajs';
import { KAFKA_REQUEST_MS } from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import { MessageTooLarge, type OutgoingMessage, type Sender } from '../../src/outbox.ts';
import type { KafkaConnection } from './client.ts';
import { explainSend, isTooLarge } from './explain.ts';
import { openKafka, RETRY_A_LITTLE, toLog } from './kafkajs.ts';
import { patchKafkajs } from './patches.ts';
import { principalOf } from './refused.ts';

export function createKafkaSender(connection: KafkaConnection, topic: string, log: Log): Sender {
  patchKafkajs();
  const asked = { topic, principal: principalOf(connection) };
  let producer: Promise<Producer> | null = null;
  let before: Promise<unknown> = Promise.resolve();
  const drop = async () => {
    const gone = producer;
    producer = null;
    // One that never connected has nothing to end.
    const end = gone?.then((one) => one.disconnect());
    await end?.catch((error: unknown) => log.debug({ error: String(error) }, 'a producer ended badly'));
  };
  const send = async (messages: readonly OutgoingMessage[]) => {
    try {
      producer ??= open(connection, log);
      await (await producer).send({ topic, acks: -1, timeout: KAFKA_REQUEST_MS, messages: messages.map(toMessage) });
    } catch (error) {
      await drop();
      if (isTooLarge(error)) throw new MessageTooLarge(explainSend(error, asked), { cause: error });
      throw new Error(explainSend(error, asked), { cause: error });
    }
  };
  return {
    send(messages) {
      const sending = before.then(() => send(messages));
      // Its failure is its caller's.
      before = sending.catch(() => undefined);
      return sending;
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
    createPartitioner: steadyPartitioner,
  });
  try {
    await producer.connect();
    return producer;
  } catch (error) {
    await producer.disconnect();
    throw error;
  }
}

export function steadyPartitioner(): ReturnType<typeof kafkajs.Partitioners.DefaultPartitioner> {
  const choose = kafkajs.Partitioners.DefaultPartitioner();
  const chosen = new WeakMap<object, number>();
  return (asked) => {
    const partition = chosen.get(asked.message) ?? choose(asked);
    chosen.set(asked.message, partition);
    return partition;
  };
}

function toMessage({ key, headers, value }: OutgoingMessage) {
  return { key, value, headers: toHeaders(headers) };
}

export function toHeaders(headers: OutgoingMessage['headers']): Record<string, string[]> {
  const named: Record<string, string[]> = {};
  for (const [name, text] of headers) (named[name] ??= []).push(text);
  return named;
}
