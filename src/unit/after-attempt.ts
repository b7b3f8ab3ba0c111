/** What becomes of a unit after an attempt: the one place that turns an outcome into what settle writes. */
import { windowName } from '../tumbling.ts';
import { backoffMs } from './backoff.ts';
import { type Draft, finish, startDraft } from './draft.ts';
import { expireFront } from './expiry.ts';
import {
  BAD_OUTPUT,
  BAD_STATE,
  MALFORMED,
  OVERSIZED,
  REPORTED,
  UNREADABLE,
  type UnitFailure,
  unitFailed,
} from './failure.ts';
import { readOutputs } from './outputs.ts';
import { cut, endOf, passedIn } from './pieces.ts';
import { entryNames, lowestNamed, parseResponse } from './response.ts';
import { type ReturnedState, readState } from './window-state.ts';
import { closingPiece } from './windows.ts';
import type { AttemptOutcome, Decision, RecordTime, Unit, UnitPolicy } from './types.ts';

const PROBLEM = 'PROBLEM: Function call failed';

/**
 * `stack[0]` is the unit as `beforeAttempt` handed it out to run, `records` are those it ran with.
 * `random` in [0, 1) is for jitter; `newId` makes request ids for new units.
 */
export function afterAttempt(
  policy: UnitPolicy,
  stack: readonly Unit[],
  records: readonly RecordTime[],
  outcome: AttemptOutcome,
  nowMs: number,
  random: () => number,
  newId: () => string,
): Decision {
  const [head, ...rest] = stack;
  if (!head || records.length === 0) throw new RangeError('an attempt has a unit with records');
  if (outcome.kind === 'infrastructure') {
    const { retryAfterMs } = outcome;
    if (retryAfterMs === undefined) return notAttempted(policy, head, rest, records, nowMs, random);
    return notDelivered(policy, head, rest, records, nowMs, retryAfterMs);
  }
  const draft = startDraft([{ unit: { ...head, lost: 0 }, records }], rest);
  const failure = judge(policy, draft, outcome, nowMs, newId);
  if (failure) unitFailed(policy, draft, failure, nowMs, random, newId);
  // What became overdue while the attempt ran is written in the same step (contract.md, "Failure notices").
  expireFront(policy, draft, nowMs);
  return finish(draft);
}

/** Writes success, also of a part, into the draft; returns how the whole unit failed when it did. */
function judge(
  policy: UnitPolicy,
  draft: Draft,
  outcome: Exclude<AttemptOutcome, { kind: 'infrastructure' }>,
  nowMs: number,
  newId: () => string,
): UnitFailure | null {
  if (outcome.kind === 'failed') {
    const { errorType, errorMessage } = outcome;
    return { error: { errorType, errorMessage }, functionError: 'Unhandled', lastProcessingResult: PROBLEM };
  }
  if (outcome.kind === 'no-event') {
    const errorType = outcome.reason === 'oversized' ? OVERSIZED : UNREADABLE;
    const error = { errorType, errorMessage: outcome.errorMessage };
    return { error, functionError: undefined, lastProcessingResult: PROBLEM };
  }
  if (draft.closes) return windowEnded(policy, draft, outcome.result);
  const { records } = draft.pieces[0]!;
  const response = policy.reportBatchItemFailures ? parseResponse(outcome.result) : { kind: 'success' as const };
  if (response.kind === 'success') return succeed(policy, draft, records.length, outcome.result, nowMs, newId);
  if (response.kind === 'malformed') return badResponse(response.reason);
  const namesOf = policy.namesOf ?? entryNames;
  const lowest = lowestNamed(response.identifiers, records, namesOf);
  if (lowest === undefined) return badResponse('an itemIdentifier names no record of the batch');
  if (lowest > 0) return succeed(policy, draft, lowest, outcome.result, nowMs, newId);
  const errorMessage = `The function reported record ${namesOf(records[0]!.id)[0]} as failed`;
  // A valid response, so AWS's result is OK although the unit failed (§1.9).
  return { error: { errorType: REPORTED, errorMessage }, functionError: null, lastProcessingResult: 'OK' };
}

function badResponse(reason: string): UnitFailure {
  const error = { errorType: MALFORMED, errorMessage: `The function's batch response cannot be used: ${reason}` };
  return { error, functionError: null, lastProcessingResult: PROBLEM };
}

/**
 * The first `n` records succeeded; the others, if any, are a new unit that runs at once with a fresh retry budget (§1.9). Outputs or a state
 * that cannot be used are a failure of the whole unit.
 */
function succeed(
  policy: UnitPolicy,
  draft: Draft,
  n: number,
  result: string,
  nowMs: number,
  newId: () => string,
): UnitFailure | null {
  const piece = draft.pieces[0]!;
  const returned = policy.window ? readState(result) : null;
  if (returned?.kind === 'malformed') return badState(returned.reason);
  if (policy.outputKeyOf) {
    const { namesOf = entryNames, outputKeyOf: partitionKeyOf } = policy;
    const list = readOutputs(result, { records: piece.records, settled: n, namesOf, partitionKeyOf });
    if (list.kind === 'malformed') return badOutput(list.reason);
    draft.outputs = list.outputs;
  }
  draft.succeeded = n;
  draft.filtered = passedIn(piece.records.slice(0, n));
  draft.checkpoint = endOf(piece, n);
  draft.lastProcessingResult = 'OK';
  draft.pieces = n === piece.records.length ? [] : [cut(piece, n, piece.records.length, newId())];
  if (returned) carryState(policy, draft, returned, nowMs, newId);
  return null;
}

/** AWS: a window whose state is too large ends at once, with all of it (§1.10). */
function carryState(
  { window }: UnitPolicy,
  draft: Draft,
  { state, tooLarge }: Extract<ReturnedState, { kind: 'ok' }>,
  nowMs: number,
  newId: () => string,
): void {
  draft.window = { state };
  if (tooLarge) draft.pieces.unshift(closingPiece({ ...window!, early: true, at: nowMs }, draft.checkpoint!, newId()));
}

/** The final invocation returned: its outputs count, its state is dropped. */
function windowEnded(policy: UnitPolicy, draft: Draft, result: string): UnitFailure | null {
  if (policy.outputKeyOf) {
    const name = windowName(draft.closes!);
    const { records } = draft.pieces[0]!;
    const list = readOutputs(result, { records, settled: 1, namesOf: () => [name], partitionKeyOf: () => null });
    if (list.kind === 'malformed') return badOutput(list.reason);
    draft.outputs = list.outputs;
  }
  draft.lastProcessingResult = 'OK';
  draft.pieces = [];
  return null;
}

function badState(reason: string): UnitFailure {
  const error = {
    errorType: BAD_STATE,
    errorMessage: `The function's answer cannot be used in a window: ${reason}`,
  };
  return { error, functionError: null, lastProcessingResult: PROBLEM };
}

function badOutput(reason: string): UnitFailure {
  const error = { errorType: BAD_OUTPUT, errorMessage: `The function's output cannot be used: ${reason}` };
  return { error, functionError: null, lastProcessingResult: PROBLEM };
}

/**
 * Not the function's doing: no failure, and no lost delivery either, because the daemon is alive to say so; nor does it end a row of lost ones.
 * The wait grows with the deliveries of the unit that came to nothing.
 */
function notAttempted(
  policy: UnitPolicy,
  head: Unit,
  rest: readonly Unit[],
  records: readonly RecordTime[],
  nowMs: number,
  random: () => number,
): Decision {
  const piece = { unit: { ...head, lost: Math.max(head.lost - 1, 0) }, records };
  const draft = startDraft([piece], rest);
  draft.notBefore = nowMs + backoffMs(head.deliveries - head.failures, random());
  expireFront(policy, draft, nowMs);
  return finish(draft);
}

/** It was put off before it reached the function: as if it had not been tried at all. */
function notDelivered(
  policy: UnitPolicy,
  head: Unit,
  rest: readonly Unit[],
  records: readonly RecordTime[],
  nowMs: number,
  retryAfterMs: number,
): Decision {
  const unit = { ...head, deliveries: Math.max(head.deliveries - 1, 0), lost: Math.max(head.lost - 1, 0) };
  const draft = startDraft([{ unit, records }], rest);
  draft.notBefore = nowMs + retryAfterMs;
  expireFront(policy, draft, nowMs);
  return finish(draft);
}
