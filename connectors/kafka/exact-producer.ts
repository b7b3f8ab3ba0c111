/**
 * A shard's outputs into a topic, each once: a transaction writes entries and how far it came (sent-position.ts), or nothing. Its id is the
 * shard's, so that a new sender aborts what the last one left and fences it; only then it asks how far the topic is.
 *
 * What has to be seen to with kafkajs, beside what is said in producer.ts:
 *
 *  1. A send that is tried again while a broker has not answered the first try would put entries twice, in one transaction. → No retry:
 *     whatever fails ends the session, and the next one knows what became of it.
 *  2. Right after a commit the broker may refuse the next transaction for some milliseconds; kafkajs waits 100 ms for that, in the middle
 *     of a send. → The offsets come first, because they go alone, and are tried again here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer, Transaction } from 'kafkajs';
import { KAFKA_REQUEST_MS } from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import { OUTBOX_TRANSACTION_MS, OUTBOX_UNSTABLE_MS } from '../../src/outbox-limits.ts';
import { type ExactSender, type OutgoingEntry, OVERTAKEN } from '../../src/outbox.ts';
import type { KafkaConnection } from './client.ts';
import { COMMIT_REFUSED, explainSend, isTooLarge } from './explain.ts';
import { ownQuestions, typeOf } from './kafkajs.ts';
import { Lasting, oneAtATime, openProducer, toHeaders } from './producing.ts';
import { principalOf } from './refused.ts';
import { fetchSentPosition, POSITION_PARTITION } from './sent-position.ts';

const NO_RETRY = { retries: 0 };
const ORIGIN = 'origin';

interface Session {
  readonly producer: Producer;
  /** Begun and empty. */
  next: Transaction | null;
  /** Mark of the last entry that the topic has; null: it has none. */
  position: string | null;
}

interface Sending {
  readonly entries: readonly OutgoingEntry[];
  readonly after: string | null;
}

/** `name`: of the shard's transactions, and of the group that keeps its position. */
export function createExactSender(connection: KafkaConnection, topic: string, name: string, log: Log): ExactSender {
  const asked = { topic, principal: principalOf(connection) };
  const lasting = new Lasting(
    log,
    () => open(connection, topic, name, log),
    ({ producer }) => producer,
  );
  const last = async (): Promise<string | null> => {
    try {
      return (await lasting.get()).position;
    } catch (error) {
      await lasting.drop();
      throw new Error(explainSend(error, asked), { cause: error });
    }
  };
  const send = async ({ entries, after }: Sending): Promise<void> => {
    try {
      const current = await lasting.get();
      if (current.position !== after) throw new Error(OVERTAKEN);
      await write(current, topic, name, entries);
    } catch (error) {
      await lasting.drop();
      if (!isTooLarge(error) || entries.length === 1) throw new Error(explainSend(error, asked), { cause: error });
      const half = Math.ceil(entries.length / 2);
      await send({ entries: entries.slice(0, half), after });
      await send({ entries: entries.slice(half), after: entries[half - 1]!.mark });
    }
  };
  const sendNext = oneAtATime(send);
  return { last, send: (entries, after) => sendNext({ entries, after }), close: () => lasting.drop() };
}

function open(connection: KafkaConnection, topic: string, name: string, log: Log): Promise<Session> {
  const config = { transactionalId: name, transactionTimeout: OUTBOX_TRANSACTION_MS, retry: NO_RETRY };
  return openProducer(connection, log, config, async (producer, kafka) => {
    const questions = ownQuestions(kafka);
    try {
      const next = await producer.transaction();
      // Not before nobody else can write.
      const position = await fetchSentPosition(questions.cluster, name, topic);
      return { producer, next, position };
    } finally {
      await questions.close();
    }
  });
}

async function write(session: Session, topic: string, name: string, entries: readonly OutgoingEntry[]): Promise<void> {
  const transaction = session.next ?? (await session.producer.transaction());
  session.next = null;
  const last = entries.at(-1)!.mark;
  await commitPosition(transaction, topic, name, last);
  const messages = entries.map(({ partitionKey, data, headers, origin }) => {
    // It tells entries apart, so that nobody else can give it.
    const others = headers.filter(([name]) => name !== ORIGIN);
    return { key: partitionKey, value: data, headers: toHeaders([...others, [ORIGIN, origin]]) };
  });
  await transaction.send({ topic, acks: -1, timeout: KAFKA_REQUEST_MS, messages });
  await transaction.commit();
  session.position = last;
}

async function commitPosition(transaction: Transaction, topic: string, group: string, position: string): Promise<void> {
  const partition = { partition: POSITION_PARTITION, offset: '0', metadata: position };
  for (const until = performance.now() + KAFKA_REQUEST_MS; ;) {
    try {
      return await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [partition] }] });
    } catch (error) {
      if (typeOf(error) === 'TOPIC_AUTHORIZATION_FAILED')
        throw Object.assign(new Error(`${topic}: ${COMMIT_REFUSED}`, { cause: error }), { type: COMMIT_REFUSED });
      if (typeOf(error) !== 'CONCURRENT_TRANSACTIONS' || performance.now() > until) throw error;
    }
    await sleep(OUTBOX_UNSTABLE_MS);
  }
}
