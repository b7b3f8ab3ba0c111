/**
 * Expiry (product.md "Expiry", esm-semantics.md §1.7).
 *
 * strict   maximumRecordAgeInSeconds was written out: what is overdue is given up untried, record by record from the front.
 * default  24 h: only a record that failed by itself, as a unit of one, is given up. `unitFailed` in failure.ts brings overdue
 *          records there by running a failing unit record by record.
 *
 * Overdue means age >= limit, as AWS counts it. Ages come from Redis TIME and arrival only.
 */
import type { EntryId } from '../record.ts';
import { type Draft, finish, startDraft } from './draft.ts';
import { cut, endOf, lastOf, passedIn, type Piece, startUnit, withoutFirst } from './pieces.ts';
import type { Decision, GiveUp, RecordTime, Unit, UnitPolicy } from './types.ts';
import { recordsVanished } from './vanished.ts';

type AgePolicy = Pick<UnitPolicy, 'age' | 'batchSize' | 'filterId'>;

/** Redis ms at which the record is overdue; null: never. For status ("expires at", also of records behind a blocked one). */
export function overdueAt(policy: Pick<UnitPolicy, 'age'>, record: RecordTime): number | null {
  return policy.age.ageMs === null ? null : (record.agesFromMs ?? record.arrivalMs) + policy.age.ageMs;
}

export function isOverdue(policy: Pick<UnitPolicy, 'age'>, record: RecordTime, nowMs: number): boolean {
  if (policy.age.stands) return false;
  const at = overdueAt(policy, record);
  return at !== null && nowMs >= at;
}

/** How many records at the front are overdue. */
function overduePrefix(policy: Pick<UnitPolicy, 'age'>, records: readonly RecordTime[], nowMs: number): number {
  const fresh = records.findIndex((record) => !isOverdue(policy, record, nowMs));
  return fresh === -1 ? records.length : fresh;
}

/** True when the unit is one record that the function failed by itself. */
function failedByItself(unit: Unit): boolean {
  return unit.count === 1 && unit.failures > 0;
}

/**
 * Redis ms from which `expireNow` would give up something of the head without another attempt; null: nothing, however late.
 * With the default age that is null for a unit of several records and for one that has not failed.
 */
export function expiresAt(policy: Pick<UnitPolicy, 'age'>, unit: Unit, records: readonly RecordTime[]): number | null {
  const first = records[0];
  if (!first || (policy.age.kind === 'default' && !failedByItself(unit))) return null;
  return overdueAt(policy, first);
}

/**
 * What of a shard that is not running is overdue, as a decision; null: nothing.
 * `records`: those of the head unit, or, when the stack is empty, the next unread ones (at most a batch). Records of the head that the
 * source no longer has are reported as a gap here too.
 * Waits end with it: the rest of a unit whose front expired is tried at once, because its next attempt was due by then anyway.
 */
export function expireNow(
  policy: AgePolicy,
  stack: readonly Unit[],
  records: readonly RecordTime[],
  nowMs: number,
  newId: () => string,
): Decision | null {
  const [head, ...rest] = stack;
  if (head) {
    const draft = startDraft([{ unit: head, records }], rest);
    const vanished = records.length !== head.count;
    if (vanished) recordsVanished(draft, newId);
    return expireFront(policy, draft, nowMs) || vanished ? finish(draft) : null;
  }
  const overdue = policy.age.kind === 'strict' ? overduePrefix(policy, records, nowMs) : 0;
  if (overdue === 0) return null;
  const gone = records.slice(0, overdue);
  const piece = { unit: startUnit(gone, newId(), policy.filterId), records: gone };
  const draft = startDraft([piece], []);
  expireFront(policy, draft, nowMs);
  return finish(draft);
}

/**
 * Gives up what is overdue at the front of the draft; true when that was anything. A wait of the unit that is left ends at the
 * moment at which its front would be given up without another attempt.
 */
export function expireFront(policy: AgePolicy, draft: Draft, nowMs: number): boolean {
  let any = false;
  for (let piece = draft.pieces[0]; piece; piece = draft.pieces[0]) {
    if (policy.age.kind === 'default' && !failedByItself(piece.unit)) break;
    const overdue = overduePrefix(policy, piece.records, nowMs);
    if (overdue === 0) break;
    any = true;
    giveUpExpired(policy, draft, piece, overdue);
  }
  const front = draft.pieces[0];
  const expiry = front ? expiresAt(policy, front.unit, front.records) : null;
  if (draft.notBefore !== null && expiry !== null) draft.notBefore = Math.min(draft.notBefore, expiry);
  return any;
}

/**
 * Strict: no overdue record may start, also where arrivals are not in order (ids that are no times). Cuts such a unit before
 * its first overdue record, so that it is at the front, and given up, once the ones before it are settled.
 */
export function cutBeforeOverdue(policy: UnitPolicy, draft: Draft, nowMs: number, newId: () => string): boolean {
  const piece = draft.pieces[0];
  if (!piece || policy.age.kind === 'default') return false;
  const index = piece.records.findIndex((record) => isOverdue(policy, record, nowMs));
  if (index <= 0) return false;
  const left = cut(piece, 0, index, piece.unit.requestId);
  const { first, last, count, passes } = left.unit;
  const kept: Piece = { records: left.records, unit: { ...piece.unit, first, last, count, ...(passes && { passes }) } };
  draft.pieces.splice(0, 1, kept, cut(piece, index, piece.records.length, newId()));
  return true;
}

function giveUpExpired(policy: AgePolicy, draft: Draft, { unit }: Piece, n: number): void {
  giveUpFront(policy, draft, n, {
    ...{ condition: 'RecordAgeExceeded', requestId: unit.requestId, invokeCount: Math.max(unit.failures, 1) },
    ...{ functionError: undefined, error: unit.lastError },
  });
  draft.expired += n;
}

/** Takes the first `n` records of the first piece out as given up: one notice per `batchSize` adjacent records (contract.md). */
export function giveUpFront(
  { batchSize }: Pick<UnitPolicy, 'batchSize'>,
  draft: Draft,
  n: number,
  notice: Omit<GiveUp, 'first' | 'last' | 'count'>,
): void {
  const piece = draft.pieces[0]!;
  const { unit, records } = piece;
  for (let from = 0; from < n; from += batchSize) {
    const to = Math.min(from + batchSize, n);
    const first: EntryId = from === 0 ? unit.first : records[from]!.id;
    draft.giveUps.push({ ...notice, first, last: lastOf(piece, to), count: to - from });
  }
  draft.checkpoint = endOf(piece, n);
  draft.filtered += passedIn(records.slice(0, n));
  draft.pieces.splice(0, 1, ...(n === records.length ? [] : [withoutFirst(piece, n)]));
}
