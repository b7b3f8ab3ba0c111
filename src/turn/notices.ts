/** What is written of records that are given up: one notice for all of them, or, where notices go to a topic, a message for each record. */
import { textInWindow, type WindowFacts, windowTimes } from '../event/window-members.ts';
import { buildNotice } from '../failure/notice.ts';
import { FAILURE_KEPT_MS } from '../limits.ts';
import { encodeMessage, type TopicTarget } from '../outbox.ts';
import { OUTBOX_BYTES_MAX } from '../outbox-limits.ts';
import { compareIds, type ShardRef } from '../record.ts';
import type { Keys } from '../redis/keys.ts';
import type { GiveUp } from '../unit/types.ts';
import type { Reading } from './reading.ts';
import type { Slice } from './slice.ts';
import type { TurnSettings, TurnShard } from './settings.ts';

export interface NoticeFacts {
  readonly settings: TurnSettings;
  readonly shard: TurnShard;
  readonly giveUp: GiveUp;
  readonly functionVersion: string;
  readonly timestampMs: number;
  /** The records, where they are in hand. */
  readonly slice: Slice | null;
  readonly reading: Reading | null;
  /** What the event had beside its records; null: nothing. */
  readonly window: WindowFacts | null;
}

/** Where the settle appends notices that a user reads. */
export function failurePlace({ failureStream, failureBytesMax }: TurnSettings) {
  return { failureStream, failureBytesMax, failureKeptMs: failureBytesMax > 0 ? FAILURE_KEPT_MS : 0 };
}

/** Where it appends messages to a topic; nothing of it goes before it was sent. */
export function outboxPlace(keys: Keys, { mapping, shardId }: ShardRef) {
  return {
    failureStream: keys.outbox(mapping, shardId),
    ...{ failureBytesMax: OUTBOX_BYTES_MAX, failureKeptMs: 0, outbox: true },
  };
}

/** As the settle appends them: to the failure stream, or to the outbox. */
export function noticesOf(facts: NoticeFacts): string[] {
  const { failureTopic } = facts.settings;
  return failureTopic ? messagesOf(facts, failureTopic) : [noticeOf(facts, facts.giveUp)];
}

function messagesOf(facts: NoticeFacts, to: TopicTarget): string[] {
  const { giveUp, slice, reading } = facts;
  const message = (key: Buffer | null, value: string) => encodeMessage({ to, key, headers: [], value });
  const within = (id: string) => compareIds(id, giveUp.first) >= 0 && compareIds(id, giveUp.last) <= 0;
  const records = (giveUp.condition !== 'SourceGap' && slice ? slice.records : []).filter(({ id }) => within(id));
  // Records that are gone have no keys.
  if (!slice || !reading || records.length === 0) return [message(null, noticeOf(facts, giveUp))];
  let at = slice.from;
  return records.map((record) => {
    const { id } = record;
    // Both ascend, so each search goes on where the one before ended: a unit may have 10,000 records.
    at = slice.batch.ids.indexOf(id, at);
    const alone = { ...slice, from: at, to: at + 1, records: [record] };
    const value = noticeOf({ ...facts, slice: alone }, { ...giveUp, first: id, last: id, count: 1 });
    return message(reading.key(alone, id), value);
  });
}

function noticeOf(
  { settings, shard, functionVersion, timestampMs, slice, reading, window }: NoticeFacts,
  giveUp: GiveUp,
) {
  const at = (id: string) => slice?.records.find((r) => r.id === id)?.arrivalMs ?? null;
  const payload =
    slice && reading && giveUp.condition !== 'SourceGap' ? reading.encode(slice, giveUp.first, giveUp.last) : null;
  const ofWindow = window !== null && giveUp.condition !== 'SourceGap';
  return buildNotice({
    ...{ mapping: settings.mapping, functionName: settings.version.name, functionVersion },
    ...{ shardId: shard.shardId, streamArn: settings.arn, giveUp, timestampMs },
    ...(settings.spooled && { kafka: settings }),
    ...{ single: settings.failureTopic !== undefined },
    ...{
      firstArrivalMs: at(giveUp.first),
      lastArrivalMs: at(giveUp.last),
      payload: (payload && ofWindow ? textInWindow(payload, window) : payload)?.toString('latin1') ?? null,
    },
    ...(ofWindow && {
      window: {
        ...windowTimes(window.window),
        final: giveUp.closes !== undefined,
        early: window.closes?.early ?? false,
      },
    }),
  });
}
