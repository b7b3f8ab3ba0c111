/** Records that the source lost while their unit waited: a reported gap, never a silent skip (P2). */
import { compareIds, nextId, previousId } from '../record.ts';
import type { Draft } from './draft.ts';
import { cut, endOf, passedIn, type Piece } from './pieces.ts';
import type { GiveUp, Unit } from './types.ts';

/**
 * The source no longer has all records of the unit (trimmed or deleted while it waited): what is missing is reported as a gap, and what
 * is left is a new unit, because a retry is of the same records or it is none. Positions are exact at the front, else bounds.
 */
export function recordsVanished(draft: Draft, newId: () => string): void {
  const piece = draft.pieces[0]!;
  const { unit, records } = piece;
  const missing = unit.count - records.length;
  const firstLeft = records[0];
  // What the filter had passed over is missed by nobody, but counts as read.
  draft.filtered += (unit.passes?.count ?? 0) - passedIn(records);
  if (!firstLeft) {
    draft.giveUps.push(gapNotice(unit, unit.first, unit.last, missing));
    draft.checkpoint = endOf(piece, 0);
    draft.pieces = [];
    return;
  }
  const atFront = compareIds(firstLeft.id, unit.first) > 0;
  if (missing > 0) {
    const [first, last] = atFront ? [unit.first, previousId(firstLeft.id)] : [nextId(firstLeft.id), unit.last];
    draft.giveUps.push(gapNotice(unit, first, last, missing));
  }
  if (atFront) draft.checkpoint = previousId(firstLeft.id);
  const left: Piece = { records, unit: { ...unit, first: firstLeft.id } };
  draft.pieces = [cut(left, 0, records.length, newId())];
}

function gapNotice(unit: Unit, first: string, last: string, count: number): GiveUp {
  return {
    condition: 'SourceGap',
    first,
    last,
    count,
    requestId: unit.requestId,
    invokeCount: unit.failures,
    functionError: undefined,
    error: null,
  };
}
