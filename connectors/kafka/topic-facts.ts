/**
 * What kafkajs does not ask of a topic: its id, by which one that was deleted and made anew is told from the old one, and what the login may
 * do with it. kafkajs asks in versions of the protocol that have neither, so this asks for itself (Metadata, version 12), over a connection
 * of kafkajs' own: with its TLS and login.
 */
import type { TopicFacts } from './client.ts';

/** What is used of kafkajs' inside. */
interface Cluster {
  connect(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findControllerBroker(): Promise<{
    readonly connectionPool: {
      send(call: {
        readonly request: {
          readonly apiKey: number;
          readonly apiVersion: number;
          readonly apiName: string;
          readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer; size(): number }>;
        };
        readonly response: {
          readonly decode: (raw: Buffer) => Promise<Buffer>;
          readonly parse: (raw: Buffer) => Promise<unknown>;
        };
      }): Promise<unknown>;
    };
  }>;
}

const METADATA = 3;
const VERSION = 12;
const UUID_BYTES = 16;
const NO_ID = '00000000000000000000000000000000';
const ERROR = { none: 0, unknownTopic: 3, topicRefused: 29 };
/** Kafka's AclOperation, as bits of what a login may do. */
const MAY = { read: 1 << 3, write: 1 << 4 };
/** The broker did not say. */
const NOT_SAID = -0x80000000;

/** Null: nothing to be had, as when the topic has no leader yet. */
export async function fetchTopicFacts(
  cluster: unknown,
  topic: string,
): Promise<TopicFacts | 'missing' | 'refused' | null> {
  const inside = cluster as Cluster;
  await inside.connect();
  await inside.refreshMetadataIfNecessary();
  const broker = await inside.findControllerBroker();
  const payload = request(topic);
  const reply = await broker.connectionPool.send({
    request: {
      ...{ apiKey: METADATA, apiVersion: VERSION, apiName: 'Metadata' },
      encode: () => Promise.resolve({ buf: payload, buffer: payload, size: () => payload.length }),
    },
    response: { decode: (raw) => Promise.resolve(raw), parse: (raw) => Promise.resolve(topicFactsIn(raw)) },
  });
  return reply as ReturnType<typeof topicFactsIn>;
}

/** What follows the client's id in the request: its tags, then the body. */
export function request(topic: string): Buffer {
  const name = Buffer.from(topic);
  // No tags; one topic: no id, its name, no tags; do not create it, what the login may do with it, no tags.
  return Buffer.concat([
    Buffer.from([0, 2]),
    Buffer.alloc(UUID_BYTES),
    unsignedVarint(name.length + 1),
    name,
    Buffer.from([0, 0, 1, 0]),
  ]);
}

/** Of the first topic of a response, from its tags on. */
export function topicFactsIn(raw: Buffer): TopicFacts | 'missing' | 'refused' | null {
  const at = new Reader(raw);
  at.skipTags();
  at.skip(4);
  for (let brokers = at.length(); brokers > 0; brokers--) {
    at.skip(4);
    at.skipText();
    at.skip(4);
    at.skipText();
    at.skipTags();
  }
  at.skipText();
  at.skip(4);
  if (at.length() < 1) return null;
  const error = at.int16();
  if (error === ERROR.unknownTopic) return 'missing';
  if (error === ERROR.topicRefused) return 'refused';
  if (error !== ERROR.none) return null;
  at.skipText();
  const id = at.hex(UUID_BYTES);
  at.skip(1);
  for (let partitions = at.length(); partitions > 0; partitions--) {
    at.skip(2 + 4 + 4 + 4);
    for (const _ of ['replicas', 'in sync', 'offline']) at.skip(4 * at.length());
    at.skipTags();
  }
  const may = at.int32();
  const has = (bit: number) => may === NOT_SAID || (may & bit) !== 0;
  return { id: id === NO_ID ? null : id, mayRead: has(MAY.read), mayWrite: has(MAY.write) };
}

class Reader {
  readonly #raw: Buffer;
  #at = 0;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#raw.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#raw.readInt32BE(this.#at - 4);
  }

  hex(bytes: number): string {
    this.#at += bytes;
    return this.#raw.subarray(this.#at - bytes, this.#at).toString('hex');
  }

  /** As the protocol has it, one more than it is; of what is null: 0. */
  length(): number {
    return Math.max(0, this.#varint() - 1);
  }

  skipText(): void {
    this.skip(this.length());
  }

  skipTags(): void {
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint();
      this.skip(this.#varint());
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#raw.readUInt8(this.#at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}
