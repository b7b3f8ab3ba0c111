/** What a shard's state and stream mean for `status`. Pure: facts read at one instant in, what the user sees out. */
import { agesFromMs } from '../ageing.ts';
import { arrivalMs } from '../arrival.ts';
import { AFTER_ALL, BEFORE_ALL, compareIds, type EntryId, idMs, type SequenceNumber, type Unit } from '../record.ts';
import { sequenceNumberOf } from '../spool.ts';
import type { OutboxFacts } from './outboxes.ts';
import { laneStatuses } from './status-lanes.ts';
import type { ShardFacts } from './status-read.ts';
import type { BlockedStatus, OutboxStatus, ShardStateName, ShardStatus } from './status-types.ts';

/** What is known beside the shard itself. */
export interface Surroundings {
  readonly nowMs: number;
  /** The mapping is stopped. */
  readonly disabled: boolean;
  /** `source.arrival: first-seen`. */
  readonly firstSeen: boolean;
  readonly liveDaemons: ReadonlySet<string>;
  readonly unsettledParent: boolean;
  /** Records after the checkpoint. */
  readonly lag: number;
  /** How long the stream keeps records; null: it is never trimmed by age. */
  readonly retentionMs: number | null;
  readonly outbox: OutboxFacts | undefined;
  readonly unsent: OutboxFacts | undefined;
}

export function shardStatus(facts: ShardFacts, around: Surroundings): ShardStatus {
  const head = facts.units[0];
  const rule = { firstSeen: around.firstSeen, marks: facts.marks, nowMs: around.nowMs };
  // A final invocation is no record: it is as old as it has been due.
  const due = head?.closes ? { id: head.first, at: head.closes.at } : undefined;
  const arrived = (id: EntryId) => (due?.id === id ? due.at : (facts.spool?.arrivals.get(id) ?? arrivalMs(id, rule)));
  const age = (id: EntryId | null) => (id === null ? 0 : Math.max(0, around.nowMs - arrived(id)));
  const unsettled = facts.nextId ?? head?.first ?? null;
  return {
    shardId: facts.shardId,
    state: stateOf(facts, around),
    checkpoint: facts.checkpoint === BEFORE_ALL ? null : nameIn(facts, facts.checkpoint),
    tail: tailOf(facts),
    lag: around.lag,
    // AWS: the age of the last record of the batch in hand, also while it is retried; without one, of the record that comes next.
    iteratorAgeMs: age(head?.last ?? unsettled),
    oldestUnsettledAgeMs: age(unsettled),
    owner: facts.owner === '' ? null : facts.owner,
    epoch: facts.epoch === '' || facts.epoch === '0' ? null : facts.epoch,
    settled: facts.settled,
    ...(facts.why === '' ? {} : { why: facts.why }),
    ...(facts.spool && { spool: { records: spooledRecords(facts), next: String(facts.spool.next) } }),
    ...heldBack(facts.nextId, around),
    ...(around.outbox && { outbox: outboxStatus(around.outbox) }),
    ...(around.unsent && { unsent: outboxStatus(around.unsent) }),
    ...(facts.window?.open && { window: { start: iso(facts.window.start), end: iso(facts.window.end) } }),
    blocked: isBlocked(facts) ? blockedStatus(facts, around, arrived) : null,
    ...(facts.lanes && { lanes: laneStatuses(facts, stateOf(facts, around), around.nowMs) }),
  };
}

function outboxStatus({ messages, oldestMs, error }: OutboxFacts): OutboxStatus {
  return { messages, since: iso(oldestMs), lastError: error === '' ? null : error };
}

/** Trimming goes by the ids' time, not by when records were first seen. */
function heldBack(oldest: EntryId | null, { nowMs, retentionMs }: Surroundings): Pick<ShardStatus, 'heldBack'> {
  if (oldest === null || retentionMs === null) return {};
  const overdueMs = nowMs - retentionMs - idMs(oldest);
  return overdueMs > 0 ? { heldBack: { from: sequenceNumberOf(oldest, false), overdueMs } } : {};
}

/** From the head unit's first failure until that is settled, and while a settle is refused for a reason. */
function isBlocked({ units, why }: ShardFacts): boolean {
  return why !== '' || (units[0] !== undefined && units[0].blockedSince !== null);
}

function stateOf(facts: ShardFacts, around: Surroundings): ShardStateName {
  if (facts.done) return 'closed';
  if (around.disabled || facts.pausedAt > 0) return 'paused';
  if (around.unsettledParent) return 'pending-parent';
  if (isBlocked(facts)) return 'blocked';
  if (facts.owner !== '' && around.liveDaemons.has(facts.owner)) return 'running';
  return around.lag > 0 || facts.units.length > 0 ? 'waiting' : 'idle';
}

function blockedStatus(facts: ShardFacts, around: Surroundings, arrived: (id: EntryId) => number): BlockedStatus {
  const head: Partial<Unit> = facts.units[0] ?? {};
  const first = head.first ?? facts.nextId ?? facts.checkpoint;
  const count = head.closes ? 0 : (head.count ?? 0);
  const known = Math.max(0, around.lag - count - (head.passes?.count ?? 0));
  return {
    sequenceNumber: nameIn(facts, first),
    partitionKey: facts.partitionKey,
    since: iso(head.blockedSince ?? (facts.settledAt || facts.born)),
    attempts: head.deliveries ?? 0,
    requestId: head.requestId ?? null,
    recordsInUnit: count,
    lastError: head.lastError ?? { errorType: facts.why, errorMessage: `nothing can be settled: ${facts.why}` },
    nextAttemptAt: iso(Math.max(facts.notBefore, around.nowMs)),
    // While it is paused nothing expires, and how long that will be is not known.
    expiresAt: facts.expiresAt > 0 && facts.pausedAt === 0 ? iso(facts.expiresAt) : null,
    recordsBehind: known,
    nextExpiryBehind: expiryBehind(facts, arrived),
  };
}

/** The head's expiry tells the age that counts; the first record behind the unit expires that long after its own arrival. */
function expiryBehind(facts: ShardFacts, arrived: (id: EntryId) => number): string | null {
  const head = facts.units[0];
  if (!head || facts.expiresAt === 0 || facts.pausedAt > 0 || facts.behindId === null) return null;
  const agesFrom = (id: EntryId) => agesFromMs(id, arrived(id), facts.ageing);
  return iso(agesFrom(facts.behindId) + facts.expiresAt - agesFrom(head.first));
}

function nameIn({ spool }: ShardFacts, id: EntryId): SequenceNumber {
  return sequenceNumberOf(id, spool !== null);
}

function tailOf({ stream, spool }: ShardFacts): SequenceNumber | null {
  // The source's end is the end, whatever of it is fetched.
  if (spool) return spool.end > 0 ? String(spool.end - 1) : null;
  if (!stream) return null;
  if (stream.lastId !== null) return sequenceNumberOf(stream.lastId, false);
  // An emptied stream still knows its last id, unless it is sealed: the seal is the id of no record.
  const { lastGeneratedId } = stream;
  return lastGeneratedId === BEFORE_ALL || lastGeneratedId === AFTER_ALL
    ? null
    : sequenceNumberOf(lastGeneratedId, false);
}

/**
 * Records after the checkpoint, or null where only counting tells: after an XDEL the entries that were ever added are no measure of those
 * that are there.
 */
export function lagOf({ checkpoint, entriesRead, stream, nextId, spool }: ShardFacts): number | null {
  if (spool) {
    return Math.max(0, spool.end - spool.next) + spooledRecords({ entriesRead, stream, nextId });
  }
  if (!stream || stream.length === 0) return 0;
  // Made anew with lower ids: all of it is unread.
  if (compareIds(stream.lastGeneratedId, checkpoint) < 0 || stream.entriesAdded < entriesRead) return stream.length;
  if (nextId === null) return 0;
  if (stream.firstId !== null && compareIds(stream.firstId, checkpoint) > 0) return stream.length;
  return stream.maxDeletedId === BEFORE_ALL ? Math.min(stream.entriesAdded - entriesRead, stream.length) : null;
}

/** Records of a spool that are not settled: its entries are counted by their records. */
function spooledRecords({
  entriesRead,
  stream,
  nextId,
}: Pick<ShardFacts, 'entriesRead' | 'stream' | 'nextId'>): number {
  return stream && nextId !== null ? Math.max(1, stream.entriesAdded - entriesRead) : 0;
}

const LAST_MOMENT_MS = 8_640_000_000_000_000;

function iso(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), LAST_MOMENT_MS)).toISOString();
}
