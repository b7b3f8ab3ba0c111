/** What every producer of ours has in common: how it is opened, and that it has one send at a time. */
import type { Partitioners, Producer, ProducerConfig } from 'kafkajs';
import type { Log } from '../../src/observe/log.ts';
import type { OutgoingMessage } from '../../src/outbox.ts';
import type { KafkaConnection } from './client.ts';
import { kafkajs } from './library.ts';
import { openKafka, RETRY_A_LITTLE, toLog } from './kafkajs.ts';
import { patchKafkajs } from './patches.ts';

type KafkaJs = ReturnType<typeof openKafka>;

/** One that is connected, or nothing is left of it. `begin`: what there is to do before it is used. */
export async function openProducer<T>(
  connection: KafkaConnection,
  log: Log,
  config: ProducerConfig,
  begin: (producer: Producer, kafka: KafkaJs) => Promise<T>,
): Promise<T> {
  patchKafkajs();
  const kafka = openKafka(
    connection,
    RETRY_A_LITTLE,
    toLog(log, () => undefined),
  );
  const producer = kafka.producer({
    ...{ maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner: steadyPartitioner },
    ...config,
  });
  try {
    await producer.connect();
    return await begin(producer, kafka);
  } catch (error) {
    await producer.disconnect();
    throw error;
  }
}

/** Opened with the first use, and anew with the first one after it was dropped. */
export class Lasting<T> {
  readonly #open: () => Promise<T>;
  readonly #producerOf: (opened: T) => Producer;
  readonly #log: Log;
  #opened: Promise<T> | null = null;

  constructor(log: Log, open: () => Promise<T>, producerOf: (opened: T) => Producer) {
    this.#log = log;
    this.#open = open;
    this.#producerOf = producerOf;
  }

  get(): Promise<T> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async drop(): Promise<void> {
    const gone = this.#opened;
    this.#opened = null;
    // One that never connected has nothing to end.
    const end = gone?.then((one) => this.#producerOf(one).disconnect());
    await end?.catch((error: unknown) => this.#log.debug({ error: String(error) }, 'a producer ended badly'));
  }
}

/** Each call waits for the one before it, whatever became of that. */
export function oneAtATime<T>(work: (given: T) => Promise<void>): (given: T) => Promise<void> {
  let before: Promise<unknown> = Promise.resolve();
  return (given) => {
    const working = before.then(() => work(given));
    // Its failure is its caller's.
    before = working.catch(() => undefined);
    return working;
  };
}

/** Keeps the partition that a message got first (producer.ts, 2). */
function steadyPartitioner(): ReturnType<typeof Partitioners.DefaultPartitioner> {
  const choose = kafkajs().Partitioners.DefaultPartitioner();
  const chosen = new WeakMap<object, number>();
  return (asked) => {
    const partition = chosen.get(asked.message) ?? choose(asked);
    chosen.set(asked.message, partition);
    return partition;
  };
}

export function toHeaders(headers: OutgoingMessage['headers']): Record<string, string[]> {
  const named: Record<string, string[]> = {};
  for (const [name, text] of headers) (named[name] ??= []).push(text);
  return named;
}
