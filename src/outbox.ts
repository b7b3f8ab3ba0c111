/** What a shard has to send to another system: kept in its outbox by the settle, sent by pollers, in order (shard/outbox.ts). */

/** A topic of a cluster under `connections`. */
export interface OutboxTarget {
  readonly connection: string;
  readonly topic: string;
}

export interface OutgoingMessage {
  readonly key: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly value: string;
}

export interface OutboxMessage extends OutgoingMessage {
  readonly to: OutboxTarget;
}

/** A line of JSON, then the value as it is: in JSON once more, each of its quotes would take four bytes. */
export function encodeMessage({ to, key, headers, value }: OutboxMessage): string {
  return `${JSON.stringify({ to, key: key === null ? null : key.toString('base64'), headers })}\n${value}`;
}

export function decodeMessage(text: string): OutboxMessage {
  const end = text.indexOf('\n');
  const { to, key, headers } = JSON.parse(text.slice(0, end)) as Omit<OutboxMessage, 'key' | 'value'> & {
    readonly key: string | null;
  };
  return { to, key: key === null ? null : Buffer.from(key, 'base64'), headers, value: text.slice(end + 1) };
}

/** A way into one topic. */
export interface Sender {
  /** Resolves when every replica that is in sync has the messages, in their order. Rejects with MessageTooLarge, or a sentence. */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** None of the messages was taken, because they are too large together, or one by itself is. */
export class MessageTooLarge extends Error {}
