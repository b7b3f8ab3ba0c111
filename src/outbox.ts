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

export function encodeMessage({ to, key, headers, value }: OutboxMessage): string {
  return JSON.stringify({ to, key: key === null ? null : key.toString('base64'), headers, value });
}

export function decodeMessage(text: string): OutboxMessage {
  const { to, key, headers, value } = JSON.parse(text) as Omit<OutboxMessage, 'key'> & { readonly key: string | null };
  return { to, key: key === null ? null : Buffer.from(key, 'base64'), headers, value };
}

/** A way into one topic. */
export interface Sender {
  /** Resolves when every replica that is in sync has the messages, in their order. Rejects with MessageTooLarge, or a sentence. */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** None of the messages was taken, because they are too large together, or one by itself is. */
export class MessageTooLarge extends Error {}
