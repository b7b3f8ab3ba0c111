/** Units together with their records, and how one becomes several. The stack's invariant is kept here: pieces of a unit cover exactly its bounds. */
import { LOST_DELIVERIES_BEFORE_ALONE } from '../limits.ts';
import type { EntryId } from '../record.ts';
import type { RecordTime, Unit } from './types.ts';

/** A unit whose records are at hand (those of the failing head and of what is cut from it). */
export interface Piece {
  readonly unit: Unit;
  readonly records: readonly RecordTime[];
}

/** A unit that was never delivered, over the given records (at least one, in order), which went through the filter `filterId`. */
export function startUnit(records: readonly RecordTime[], requestId: string, filterId?: string): Unit {
  const first = records[0];
  const last = records[records.length - 1];
  if (!first || !last) throw new RangeError('a unit has at least one record');
  return {
    first: first.id,
    last: last.id,
    count: records.length,
    requestId,
    deliveries: 0,
    failures: 0,
    lost: 0,
    blockedSince: null,
    lastError: null,
    triedVersion: null,
    ...(filterId !== undefined && {
      passes: { by: filterId, count: passedIn(records), end: reachOf(last), ...othersOf(records) },
    }),
  };
}

/** How many records the filter passed over behind these. */
export function passedIn(records: readonly RecordTime[]): number {
  return records.reduce((sum, { passed }) => sum + (passed?.count ?? 0), 0);
}

/** Entries of the shard that go with these records: themselves, and behind each what is passed over and what is of other lanes. */
export function entriesIn(records: readonly RecordTime[]): number {
  return records.reduce((sum, { passed }) => sum + 1 + (passed ? passed.count + (passed.others ?? 0) : 0), 0);
}

/** How many records of other lanes are behind these. */
function othersIn(records: readonly RecordTime[]): number {
  return records.reduce((sum, { passed }) => sum + (passed?.others ?? 0), 0);
}

function othersOf(records: readonly RecordTime[]): { readonly others?: number } {
  const others = othersIn(records);
  return others > 0 ? { others } : {};
}

function reachOf(record: RecordTime): EntryId {
  return record.passed?.last ?? record.id;
}

/**
 * The part of `piece` from record `from` to before record `to`, as a new unit. Outer bounds stay the old unit's, so nothing between is skipped.
 * `lost` is inherited as far as it makes the part run alone: parts of a unit that may be killing its daemon need not kill it three times
 * more each. Not further: no delivery of the part itself was lost.
 */
export function cut(piece: Piece, from: number, to: number, requestId: string): Piece {
  const records = piece.records.slice(from, to);
  const { unit } = piece;
  const fresh = startUnit(records, requestId, unit.passes?.by);
  return {
    records,
    unit: {
      ...fresh,
      lost: Math.min(unit.lost, LOST_DELIVERIES_BEFORE_ALONE),
      first: from === 0 ? unit.first : fresh.first,
      last: to === piece.records.length ? unit.last : fresh.last,
      ...(fresh.passes && { passes: { ...fresh.passes, end: endOf(piece, to) } }),
    },
  };
}

/** The same unit without its first `n` records (fewer than all): its id, counts and error stay (esm-semantics.md §4.2). */
export function withoutFirst(piece: Piece, n: number): Piece {
  const records = piece.records.slice(n);
  const { runSingly, passes: before, ...unit } = piece.unit;
  const singly = (runSingly ?? 0) - n;
  return {
    records,
    unit: {
      ...{ ...unit, first: records[0]!.id, count: records.length },
      ...(before && { passes: { by: before.by, count: passedIn(records), end: before.end, ...othersOf(records) } }),
      ...(singly > 0 && { runSingly: singly }),
    },
  };
}

/** Last position of the first `n` records of a piece, as a checkpoint: the unit's own bound when that is all of them. */
export function endOf(piece: Piece, n: number): EntryId {
  if (n < piece.records.length) return reachOf(piece.records[n - 1]!);
  return piece.unit.passes?.end ?? piece.unit.last;
}

/** Last of the first `n` records of a piece. */
export function lastOf(piece: Piece, n: number): EntryId {
  return n === piece.records.length ? piece.unit.last : piece.records[n - 1]!.id;
}
