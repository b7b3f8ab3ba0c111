/**
 * A topic's id, by which one that was deleted and made anew is told from the old one. kafkajs asks in versions of the protocol that do not
 * have it, so this asks for itself (Metadata, version 12), over a connection of kafkajs' own: with its TLS and login.
 */

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

/** Null: there is no such topic, or no id to be had. */
export async function fetchTopicId(cluster: unknown, topic: string): Promise<string | null> {
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
    response: { decode: (raw) => Promise.resolve(raw), parse: (raw) => Promise.resolve(topicIdIn(raw)) },
  });
  return reply as string | null;
}

/** What follows the client's id in the request: its tags, then the body. */
export function request(topic: string): Buffer {
  const name = Buffer.from(topic);
  // No tags; one topic: no id, its name, no tags; do not create it, no authorised operations, no tags.
  return Buffer.concat([
    Buffer.from([0, 2]),
    Buffer.alloc(UUID_BYTES),
    unsignedVarint(name.length + 1),
    name,
    Buffer.from([0, 0, 0, 0]),
  ]);
}

/** Of the first topic of a response, from its tags on. */
export function topicIdIn(raw: Buffer): string | null {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = raw.readUInt8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  // A length is one more than it is; 0 is null.
  const skip = (bytes: number) => void (at += bytes);
  const skipText = () => skip(Math.max(0, varint() - 1));
  const skipTags = () => {
    for (let left = varint(); left > 0; left--) {
      varint();
      skip(varint());
    }
  };
  skipTags();
  at += 4;
  for (let brokers = varint() - 1; brokers > 0; brokers--) {
    at += 4;
    skipText();
    at += 4;
    skipText();
    skipTags();
  }
  skipText();
  at += 4;
  if (varint() < 2) return null;
  const error = raw.readInt16BE(at);
  at += 2;
  skipText();
  const id = raw.subarray(at, at + UUID_BYTES).toString('hex');
  return error === 0 && id !== NO_ID ? id : null;
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}
