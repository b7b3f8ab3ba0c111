/**
 * The redrive of a shard: a hidden shard beside it, whose work are notices instead of records. It has an epoch, units and staged outputs of
 * its own, so that it is fenced and survives like any shard, and neither waits for the other.
 */
import type { WindowPart } from './tumbling.ts';

const PREFIX = 'redrive:';

/** What the redrive of a shard is called wherever shards are named. No shard has such a name: those of users have no colon. */
export function redriveLineOf(shardId: string): string {
  return PREFIX + shardId;
}

/** Of which shard it is the redrive; undefined: it is none. */
export function shardOfRedriveLine(shardId: string): string | undefined {
  return shardId.startsWith(PREFIX) ? shardId.slice(PREFIX.length) : undefined;
}

/** Where a notice is: `stream <key>`, or `topic <connection> <topic>`. */
export type NoticePlace =
  | { readonly kind: 'redis-stream'; readonly stream: string }
  | { readonly kind: 'kafka-topic'; readonly connection: string; readonly topic: string };

/** What a notice's ticket is called: its place and its id. */
export function ticketName(place: NoticePlace, id: string): string {
  return place.kind === 'redis-stream'
    ? `stream ${place.stream} ${id}`
    : `topic ${place.connection} ${place.topic} ${id}`;
}

export function readTicketName(name: string): { readonly place: NoticePlace; readonly id: string } {
  const end = name.lastIndexOf(' ');
  const [kind, ...where] = name.slice(0, end).split(' ');
  const id = name.slice(end + 1);
  if (kind === 'topic') return { place: { kind: 'kafka-topic', connection: where[0]!, topic: where[1]! }, id };
  return { place: { kind: 'redis-stream', stream: where.join(' ') }, id };
}

/** Sequence numbers have 40 digits at most. */
const DIGITS = 40;

/** A notice in the waiting line, which is in the order of these texts. */
export function memberOf(firstSequenceNumber: string, ticket: string): string {
  return `${firstSequenceNumber.padStart(DIGITS, '0')} ${ticket}`;
}

export function ticketOf(member: string): string {
  return member.slice(DIGITS + 1);
}

/** What is known of a notice's redrive; none: it was never redriven. */
export interface Ticket {
  /**
   * waiting: it runs, or will;  failed: it was given up again;  done: it succeeded, and its destination keeps it all the same;
   * gone: it was not there any more when its turn came
   */
  readonly state: 'waiting' | 'failed' | 'done' | 'gone';
  /** Redis ms at which it was put there: ages count from then. */
  readonly at: number;
  /** Records that have not succeeded, as ranges of indexes; absent: all. */
  readonly left?: readonly Range[];
  /** How many these are. */
  readonly failed?: number;
  readonly error?: { readonly errorType: string; readonly errorMessage: string } | null;
}

/** Records of a notice, as indexes. */
export type Range = readonly [from: number, to: number];

/** The notice at work. */
export interface NoticeAtWork {
  /** Member of the waiting line; '': none. */
  readonly current: string;
  /** What of it was given up again. */
  readonly gaveUp: readonly Range[];
  /** Its own tumbling window, open (redrive/notice-window.ts); null: it has none, or nothing of it succeeded since the last one ended. */
  readonly window: NoticeWindow | null;
}

/** `part`: index of the first record that is in it. */
export interface NoticeWindow extends WindowPart {
  /** JSON text. */
  readonly state: string;
  /** What is in the state. */
  readonly records: readonly Range[];
}
