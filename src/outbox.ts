/** What a shard has to send to another system: kept in its outbox by the settle, sent by pollers, in order (shard/outbox.ts). */
import { randomBytes } from 'node:crypto';

/**
 * A shard has two: notices of failures and what the function returned, so that neither waits for the other's topic. Notices are sent at
 * least once, outputs exactly once.
 */
export const BOXES = ['notices', 'outputs'] as const;
export type Box = (typeof BOXES)[number];

/** What the outputs' box is called where streams are named: no stream has this name. */
export const OUTBOX_STREAM = '';

/** A topic of a cluster under `connections`. */
export interface TopicTarget {
  readonly connection: string;
  readonly topic: string;
}

/** A stream of a Redis under `connections`. */
export interface StreamTarget {
  readonly connection: string;
  readonly stream: string;
}

export type OutboxTarget = TopicTarget | StreamTarget;

/** For people, and to tell places apart. */
export function placeOf(to: OutboxTarget): string {
  return `${to.connection}/${'topic' in to ? to.topic : to.stream}`;
}

export interface OutgoingMessage {
  readonly key: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly value: string;
}

export interface OutboxMessage extends OutgoingMessage {
  readonly to: TopicTarget;
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

/** Random: no two settles have the same. */
const SETTLE_BYTES = 9;

/**
 * In front of an output's origin while it waits: the place, because the configuration may name another one meanwhile, and a name of the
 * settle (see `mark`). None of them has a space.
 */
export function addressOf(to: OutboxTarget): string {
  const place = 'topic' in to ? to.topic : STREAM + to.stream.replaceAll('%', '%25').replaceAll(' ', '%20');
  return `${to.connection} ${place} ${randomBytes(SETTLE_BYTES).toString('base64url')} `;
}

/** In front of a stream's name: no topic has a colon in its own. */
const STREAM = 'stream:';

export function readAddress(text: string): {
  readonly to: OutboxTarget;
  readonly settle: string;
  readonly origin: string;
} {
  const [connection = '', place = '', settle = '', ...rest] = text.split(' ');
  const stream = place.slice(STREAM.length).replaceAll('%20', ' ').replaceAll('%25', '%');
  const to = place.startsWith(STREAM) ? { connection, stream } : { connection, topic: place };
  return { to, settle, origin: rest.join(' ') };
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
  /**
   * Tells it from every other entry of the shard that there is or was. Its id alone does not: a Redis that comes back without its last
   * writes gives their ids to others, and lower ones where its clock is behind. At most 600 characters.
   */
  readonly mark: string;
  readonly partitionKey: string;
  readonly data: Buffer;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What it is from (docs/pipelines.md); it goes with the entry. */
  readonly origin: string;
}

/**
 * One shard's way into one place, which keeps the mark of the last entry that it has of the shard, and writes it together with the entries.
 * What of the outbox that leaves to be sent is decided in daemon/exact-way.ts, for all kinds of places.
 */
export interface ExactSender {
  /** Of the last entry that the place has; null: of none that it knows. Rejects with a sentence. */
  last(): Promise<string | null>;
  /**
   * Resolves when the place has all of them, in their order, behind the entry with the mark `after`. Where that is not its last one any
   * more, because another sender was at work, nothing is written. Rejects with a sentence; a first part may be there for good.
   */
  send(entries: readonly OutgoingEntry[], after: string | null): Promise<void>;
  close(): Promise<void>;
}

/** What `send` rejects with where `after` is not the last one any more. */
export const OVERTAKEN = 'another daemon has sent outputs of the shard meanwhile';
