/**
 * The event of a notice as records again, so that a unit of them can be cut, halved and named as it was when it failed. Records keep the
 * ids that they had. Pure.
 */
import { asciiOnly } from '../ascii-json.ts';
import { itemKey } from '../event/dynamodb.ts';
import type { ReadNotice } from '../failure/read-notice.ts';
import { EVENT_BYTES_MAX } from '../limits.ts';
import { type EntryId, nextId, parsePosition } from '../record.ts';
import { spoolId } from '../spool.ts';
import type { TurnSettings } from '../turn/settings.ts';
import { findMember, listItems, type Span, wholeValue } from '../unit/json-scan.ts';

export interface NoticeEvent {
  /** Ascending. */
  readonly ids: readonly EntryId[];
  /** Records that each of the ids stands for: more than one where the event does not tell its records apart. */
  readonly weight: number;
  /** Last record of all. */
  readonly last: EntryId;
  /** The event of the ids [from, to), as text in ASCII, without the members of a window. */
  slice(from: number, to: number): Buffer;
  /** Null: the record has none, or its event does not hold it. */
  partitionKey(index: number): string | null;
}

type Facts = Pick<TurnSettings, 'eventFormat' | 'spooled'>;

/** No event has more records than it has bytes. */
const RECORDS_MAX = EVENT_BYTES_MAX;
/** The first of the members that an event has of its window. */
const WINDOW = 'window';
/** Offsets of Redis entries in a Kafka event: `<ms> * 4096 + <seq>` (event/kafka-entries.ts). */
const SEQ_VALUES = 4_096;

/** @throws Error when the notice has no event, or its positions are none */
export function noticeEvent(notice: ReadNotice, facts: Facts): NoticeEvent {
  const { records, first, last } = notice;
  if (notice.payload === null) throw new Error('it has no event');
  const whole = asciiOnly(notice.payload);
  if (notice.window?.final) return endOfWindow(whole, facts.spooled ? spoolId(0) : `${notice.window.start}-0`);
  const payload = notice.window ? withoutWindow(whole) : whole;
  const bounds = { first: idOf(first, facts.spooled), last: idOf(last, facts.spooled) };
  const list = listOf(payload, facts);
  const items = list && listItems(payload, list, RECORDS_MAX);
  if (!list || !items || items.length !== records) return undivided(payload, records, bounds);
  // Of raw documents and S3 notifications nothing is ours.
  const ours = facts.eventFormat !== 'raw' && facts.eventFormat !== 's3';
  const read = (i: number) => JSON.parse(payload.slice(items[i]!.start, items[i]!.end)) as unknown;
  const ids = idsOf(facts, items.length, ours ? read : () => null, bounds);
  const [opening, closing] = [payload.slice(0, list.start + 1), payload.slice(list.end - 1)];
  return {
    ...{ ids, weight: 1, last: bounds.last },
    slice(from, to) {
      const inside = from === to ? '' : payload.slice(items[from]!.start, items[to - 1]!.end);
      return Buffer.from(from === 0 && to === items.length ? payload : `${opening}${inside}${closing}`);
    },
    partitionKey: (i) => (ours ? keyOf(read(i)) : null),
  };
}

/** Its records cannot be told apart (a notification of several S3 events, an event that is no list): they run and fail together. */
function undivided(payload: string, records: number, bounds: { first: EntryId; last: EntryId }): NoticeEvent {
  return {
    ...{ ids: [bounds.first], weight: records, last: bounds.last },
    slice: (from, to) => Buffer.from(from === to ? '{"Records":[]}' : payload),
    partitionKey: () => null,
  };
}

/** The final invocation of a window, which has no records: one id stands for it, and its event is as it was, with its state. */
function endOfWindow(payload: string, id: EntryId): NoticeEvent {
  return { ids: [id], weight: 0, last: id, slice: () => Buffer.from(payload), partitionKey: () => null };
}

/** They stand behind everything else (event/window-members.ts). */
function withoutWindow(payload: string): string {
  const whole = wholeValue(payload);
  const window = whole && payload[whole.start] === '{' && findMember(payload, whole, WINDOW);
  if (!window) return payload;
  const before = payload.slice(0, payload.lastIndexOf(`"${WINDOW}"`, window.start));
  return `${before.trimEnd().replace(/,$/, '')}}`;
}

/** Where the records are listed; undefined: nowhere. */
function listOf(payload: string, { eventFormat }: Facts): Span | undefined {
  const whole = wholeValue(payload);
  if (!whole) return undefined;
  if (payload[whole.start] === '[') return whole;
  if (payload[whole.start] !== '{' || eventFormat === 'raw') return undefined;
  const records = findMember(payload, whole, 'Records') ?? onlyPartition(payload, whole);
  return records && payload[records.start] === '[' ? records : undefined;
}

/** A Kafka event of ours has one partition. */
function onlyPartition(payload: string, whole: Span): Span | undefined {
  const records = findMember(payload, whole, 'records');
  if (!records || payload[records.start] !== '{') return undefined;
  const names = Object.keys(JSON.parse(payload.slice(records.start, records.end)) as object);
  return names.length === 1 ? (findMember(payload, records, names[0]!) ?? undefined) : undefined;
}

/** By what the event says of each record; where it says nothing, from the first one on. */
function idsOf(
  { spooled }: Facts,
  count: number,
  read: (i: number) => unknown,
  { first, last }: { first: EntryId; last: EntryId },
): EntryId[] {
  const ids: EntryId[] = [];
  for (let i = 0; i < count; i++) {
    const position = positionOf(read(i));
    if (position === null) {
      // Which records lie between is not known.
      const before = ids[i - 1];
      ids.push(i === 0 ? first : i === count - 1 ? last : nextId(before!));
    } else ids.push(typeof position === 'number' ? idOfOffset(position, spooled) : idOf(position, spooled));
  }
  return ids;
}

type Part = Readonly<Record<string, unknown>>;

function positionOf(record: unknown): string | number | null {
  const { kinesis, dynamodb, offset } = partOf(record);
  const sequence = partOf(kinesis)['sequenceNumber'] ?? partOf(dynamodb)['SequenceNumber'];
  if (typeof sequence === 'string') return sequence;
  return typeof offset === 'number' && 'topic' in partOf(record) ? offset : null;
}

function idOfOffset(offset: number, spooled: boolean): EntryId {
  return spooled ? spoolId(offset) : `${Math.floor(offset / SEQ_VALUES)}-${offset % SEQ_VALUES}`;
}

function idOf(sequence: string, spooled: boolean): EntryId {
  const id = spooled ? (/^\d+$/.test(sequence) ? spoolId(Number(sequence)) : undefined) : parsePosition(sequence);
  if (id === undefined) throw new Error(`${sequence.slice(0, 100)} is no sequence number`);
  return id;
}

function keyOf(record: unknown): string | null {
  const { kinesis, dynamodb, key } = partOf(record);
  const given = partOf(kinesis)['partitionKey'];
  if (typeof given === 'string') return given;
  if (dynamodb !== undefined) return itemKey(dynamodb);
  if (typeof key !== 'string') return null;
  const bytes = Buffer.from(key, 'base64');
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : key;
}

function partOf(value: unknown): Part {
  return typeof value === 'object' && value !== null ? (value as Part) : {};
}
