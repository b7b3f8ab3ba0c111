/** What must happen before the head of a shard's stack may run, and how it runs. */
import { LOST_DELIVERIES_BEFORE_ALONE } from '../limits.ts';
import { compareIds, nextId, previousId } from '../record.ts';
import { type Draft, finish, startDraft } from './draft.ts';
import { cutBeforeOverdue, expireFront } from './expiry.ts';
import { cutSingles, EXIT_ERROR, functionErrorOf, giveUpExhausted, isExhausted, unitFailed } from './failure.ts';
import { cut, type Piece } from './pieces.ts';
import type { Decision, GiveUp, RecordTime, Unit, UnitPolicy } from './types.ts';

export type BeforeAttempt =
  /** Write `unit` as the stack's head durably, then run it; `alone`: with no other invocation in this daemon. */
  | { readonly kind: 'run'; readonly unit: Unit; readonly alone: boolean }
  /** Settle this first, then ask again with the new stack. */
  | { readonly kind: 'settle'; readonly decision: Decision };

/**
 * `stack` head first, at least one unit; `records` are those that a read of the head's bounds found.
 * `random` in [0, 1) is for the back-off after a delivery that counts as a failure.
 */
export function beforeAttempt(
  policy: UnitPolicy,
  stack: readonly Unit[],
  records: readonly RecordTime[],
  nowMs: number,
  newId: () => string,
  random: () => number = () => 0,
): BeforeAttempt {
  const [head, ...rest] = stack;
  if (!head) throw new RangeError('no unit to attempt');
  const draft = startDraft([{ unit: head, records }], rest);
  if (records.length !== head.count) {
    recordsVanished(draft, newId);
    return { kind: 'settle', decision: finish(draft) };
  }
  if (head.lost > LOST_DELIVERIES_BEFORE_ALONE) {
    deliveryLostAlone(policy, draft, nowMs, random, newId);
    return { kind: 'settle', decision: finish(draft) };
  }
  if (expireFront(policy, draft, nowMs) || cutBeforeOverdue(policy, draft, nowMs, newId)) {
    return { kind: 'settle', decision: finish(draft) };
  }
  if (head.runSingly !== undefined) {
    cutSingles(draft, head.runSingly, newId);
    return { kind: 'settle', decision: finish(draft) };
  }
  // Only when the limit was lowered meanwhile: AWS tests it before each attempt too (§1.7).
  if (isExhausted(policy, head)) {
    giveUpExhausted(draft, draft.pieces[0]!, functionErrorOf(head));
    return { kind: 'settle', decision: finish(draft) };
  }
  return {
    kind: 'run',
    unit: { ...head, deliveries: head.deliveries + 1, lost: head.lost + 1 },
    alone: head.lost >= LOST_DELIVERIES_BEFORE_ALONE,
  };
}

/**
 * The unit ran alone and its daemon did not come back with an outcome: that is a failure of the function (architecture.md §3, invariant 5).
 * `lost` goes back by this one delivery, so that it is counted once, whatever is settled in between, and the unit keeps running alone.
 */
function deliveryLostAlone(
  policy: UnitPolicy,
  draft: Draft,
  nowMs: number,
  random: () => number,
  newId: () => string,
): void {
  const piece = draft.pieces[0]!;
  draft.pieces[0] = { ...piece, unit: { ...piece.unit, lost: LOST_DELIVERIES_BEFORE_ALONE } };
  const error = {
    errorType: EXIT_ERROR,
    errorMessage: 'The daemon ended while this unit ran alone, without an outcome',
  };
  const lastProcessingResult = 'PROBLEM: Function call failed';
  unitFailed(policy, draft, { error, functionError: 'Unhandled', lastProcessingResult }, nowMs, random, newId);
  expireFront(policy, draft, nowMs);
}

/**
 * The source no longer has all records of the unit (trimmed or deleted while it waited): what is missing is reported as a gap, and what
 * is left is a new unit, because a retry is of the same records or it is none. Positions are exact at the front, else bounds.
 */
function recordsVanished(draft: Draft, newId: () => string): void {
  const piece = draft.pieces[0]!;
  const { unit, records } = piece;
  const missing = unit.count - records.length;
  const firstLeft = records[0];
  if (!firstLeft) {
    draft.giveUps.push(gapNotice(unit, unit.first, unit.last, missing));
    draft.checkpoint = unit.last;
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
