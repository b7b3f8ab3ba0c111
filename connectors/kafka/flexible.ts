/** Requests in versions of the protocol that kafkajs does not speak (the flexible ones), over its own connections: with its TLS and login. */

interface Broker {
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
}

/** What is used of kafkajs' inside. */
export interface Cluster {
  connect(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findControllerBroker(): Promise<Broker>;
  findGroupCoordinator(group: { readonly groupId: string }): Promise<Broker>;
}

/** `payload`: what follows the client's id in the request, its tags first. `parse` gets what follows the number in the response, tags first. */
export async function askBroker<T>(
  broker: Broker,
  api: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string },
  payload: Buffer,
  parse: (raw: Buffer) => T,
): Promise<T> {
  const reply = await broker.connectionPool.send({
    request: {
      ...api,
      encode: () => Promise.resolve({ buf: payload, buffer: payload, size: () => payload.length }),
    },
    response: { decode: (raw) => Promise.resolve(raw), parse: (raw) => Promise.resolve(parse(raw)) },
  });
  return reply as T;
}

export function compactText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([unsignedVarint(bytes.length + 1), bytes]);
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}

export class FlexibleReader {
  readonly #raw: Buffer;
  #at = 0;
  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#raw.readUInt8(this.#at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  /** Of a list or a text: one less than is written; 0 is null, which reads as none. */
  length(): number {
    return Math.max(0, this.varint() - 1);
  }

  bytes(count: number): Buffer {
    return this.#raw.subarray(this.#at, (this.#at += count));
  }

  int16(): number {
    return this.bytes(2).readInt16BE();
  }

  int32(): number {
    return this.bytes(4).readInt32BE();
  }

  text(): string {
    return this.bytes(this.length()).toString();
  }

  skipTags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.bytes(this.varint());
    }
  }
}
