/**
 * kafkajs as a producer, by the rules of kafkajs.ts. Idempotent, so that its own retries put nothing twice; acknowledged by all replicas
 * that are in sync. What has to be worked around, else the broker would take new messages for repeats and drop them, or some would never go:
 *
 *  1. It counts a failed request's sequence numbers back, whatever the broker has of it. → One send at a time, its retries included; after
 *     one that failed in the end a new producer, with a new id, begins.
 *  2. A retry distributes all messages anew, and asks only the brokers that did not answer: one without a key would change its partition,
 *     and with it be left out or go twice. → Each message keeps the partition that it got first.
 */
import { KAFKA_REQUEST_MS } from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import { MessageTooLarge, type OutgoingMessage, type Sender } from '../../src/outbox.ts';
import type { KafkaConnection } from './client.ts';
import { explainSend, isTooLarge } from './explain.ts';
import { RETRY_A_LITTLE } from './kafkajs.ts';
import { Lasting, oneAtATime, openProducer, toHeaders } from './producing.ts';
import { principalOf } from './refused.ts';

export function createKafkaSender(connection: KafkaConnection, topic: string, log: Log): Sender {
  const asked = { topic, principal: principalOf(connection) };
  const config = { idempotent: true, retry: RETRY_A_LITTLE };
  const open = () => openProducer(connection, log, config, (producer) => Promise.resolve(producer));
  const lasting = new Lasting(log, open, (producer) => producer);
  const send = async (messages: readonly OutgoingMessage[]) => {
    try {
      const producer = await lasting.get();
      await producer.send({ topic, acks: -1, timeout: KAFKA_REQUEST_MS, messages: messages.map(toMessage) });
    } catch (error) {
      await lasting.drop();
      if (isTooLarge(error)) throw new MessageTooLarge(explainSend(error, asked), { cause: error });
      throw new Error(explainSend(error, asked), { cause: error });
    }
  };
  return { send: oneAtATime(send), close: () => lasting.drop() };
}

function toMessage({ key, headers, value }: OutgoingMessage) {
  return { key, value, headers: toHeaders(headers) };
}
