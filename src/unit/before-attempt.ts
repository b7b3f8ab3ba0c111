/** What must happen before the head of a shard's stack may run, and how it runs. */
import { LOST_DELIVERIES_BEFORE_ALONE } from '../limits.ts';
import { type Draft, finish, startDraft } from './draft.ts';
import { cutBeforeOverdue, expireFront } from './expiry.ts';
import { cutSingles, EXIT_ERROR, functionErrorOf, giveUpExhausted, isExhausted, unitFailed } from './failure.ts';
import type { Decision, RecordTime, Unit, UnitPolicy } from './types.ts';
import { recordsVanished } from './vanished.ts';

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
