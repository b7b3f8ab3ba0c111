/** What a shard has to send to another system: kept in its outbox by the settle, sent by pollers, in order (shard/outbox.ts). */
import type { EntryId } from './record.ts';

/**
 * A shard has two: notices of failures and what the function returned, so that neither waits for the other's topic. Notices are sent at
 * least once, outputs exactly once.
 */
export const BOXES = ['notices', 'outputs'] as const;
export type Box = (typeof BOXES)[number];

/** What the outputs' box is called where streams are named: no stream has this name. */
export const OUTBOX_STREAM = '';

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

/** In front of an output's origin while it waits, because the configuration may name another place meanwhile. Neither name has a space. */
export function addressOf({ connection, topic }: OutboxTarget): string {
  return `${connection} ${topic} `;
}

export function readAddress(text: string): { readonly to: OutboxTarget; readonly origin: string } {
  const [connection, topic, ...rest] = text.split(' ');
  return { to: { connection: connection!, topic: topic! }, origin: rest.join(' ') };
}

/** A way into one topic. */
export interface Sender {
  /** Resolves when every replica that is in sync has the messages, in their order. Rejects with MessageTooLarge, or a sentence. */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** None of the messages was taken, because they are too large together, or one by itself is. */
export class MessageTooLarge extends Error {}

/** An entry of a shard's outputs on its way to another system. */
export interface OutgoingEntry {
  /** Its place among the shard's: rises. */
  readonly id: EntryId;
  readonly partitionKey: string;
  readonly data: Buffer;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** One shard's way into one place, which itself knows how far it has the shard's entries: each is there once, whoever sends it however often. */
export interface ExactSender {
  /**
   * Resolves when the place has all of them. They ascend, and what lies before the first is there. Another sender of the shard that is
   * still at work is refused by the place from here on. Rejects with a sentence; what was taken until then is there for good.
   */
  send(entries: readonly OutgoingEntry[]): Promise<void>;
  close(): Promise<void>;
}
