/** What becomes of a unit that failed as a whole (esm-semantics.md §0.2.4, §1.8, §4.2; product.md "Expiry"). */
import { SINGLES_AT_ONCE } from '../limits.ts';
import { backoffMs } from './backoff.ts';
import type { Draft } from './draft.ts';
import { isOverdue } from './expiry.ts';
import { cut, endOf, passedIn, type Piece } from './pieces.ts';
import type { Decision, GiveUp, Unit, UnitPolicy } from './types.ts';

export interface UnitError {
  readonly errorType: string;
  readonly errorMessage: string;
}

/** How a whole-unit failure came about, for the notice's `responseContext` and LastProcessingResult. */
export interface UnitFailure {
  readonly error: UnitError;
  readonly functionError: GiveUp['functionError'];
  readonly lastProcessingResult: Decision['lastProcessingResult'];
}

/** Error types of our own, written where the function named no error itself. */
export const REPORTED = 'ReportedBatchItemFailure';
export const MALFORMED = 'MalformedBatchResponse';
export const BAD_OUTPUT = 'MalformedOutput';
export const BAD_STATE = 'MalformedWindowState';
export const OVERSIZED = 'MaximumPayloadSizeExceeded';
export const UNREADABLE = 'MalformedRecord';
/** AWS's error of a runtime that ended without an answer; here: of a delivery that took its daemon with it. */
export const EXIT_ERROR = 'Runtime.ExitError';

/** True when no retry is left. Invocations in total: 1 + maximumRetryAttempts. */
export function isExhausted(policy: UnitPolicy, unit: Unit): boolean {
  return policy.maximumRetryAttempts !== -1 && unit.failures > policy.maximumRetryAttempts;
}

/**
 * Records the failure on the draft's first piece and says what comes next, in AWS's order: halve, give up, run record by record
 * (overdue under the default age), or wait and retry.
 */
export function unitFailed(
  policy: UnitPolicy,
  draft: Draft,
  failure: UnitFailure,
  nowMs: number,
  random: () => number,
  newId: () => string,
): void {
  const before = draft.pieces[0]!;
  const unit: Unit = {
    ...before.unit,
    failures: before.unit.failures + 1,
    blockedSince: before.unit.blockedSince ?? nowMs,
    lastError: failure.error,
  };
  const piece: Piece = { unit, records: before.records };
  draft.failed = true;
  draft.lastProcessingResult = failure.lastProcessingResult;
  draft.pieces[0] = piece;
  if (policy.bisectBatchOnFunctionError && piece.records.length > 1) {
    const half = Math.floor(piece.records.length / 2);
    replaceByCuts(draft, piece, [half], newId);
    return;
  }
  if (isExhausted(policy, unit)) {
    giveUpExhausted(draft, piece, failure.functionError);
    return;
  }
  if (policy.age.kind === 'default' && piece.records.length > 1) {
    // Only what is overdue has to fail by itself before it may expire; what comes after it stays together.
    const overdue = piece.records.findLastIndex((record) => isOverdue(policy, record, nowMs)) + 1;
    if (overdue > 0) {
      cutSingles(draft, overdue, newId);
      return;
    }
  }
  draft.notBefore = nowMs + backoffMs(unit.failures, random());
}

/** Gives the draft's first piece up by the policy that the user wrote: one notice for all its records, healthy ones included (AWS). */
export function giveUpExhausted(draft: Draft, piece: Piece, functionError: GiveUp['functionError']): void {
  const { unit } = piece;
  draft.giveUps.push({
    condition: 'RetryAttemptsExhausted',
    first: unit.first,
    last: unit.last,
    count: piece.records.length,
    requestId: unit.requestId,
    invokeCount: unit.failures,
    functionError,
    error: unit.lastError,
  });
  draft.checkpoint = endOf(piece, piece.records.length);
  draft.givenUp += piece.records.length;
  draft.filtered += passedIn(piece.records);
  draft.pieces.shift();
}

/** `responseContext.functionError` of a unit whose last failure is known only by its error. */
export function functionErrorOf(unit: Unit): GiveUp['functionError'] {
  const type = unit.lastError?.errorType;
  if (type === undefined || type === OVERSIZED || type === UNREADABLE) return undefined;
  return type === REPORTED || type === MALFORMED || type === BAD_OUTPUT || type === BAD_STATE ? null : 'Unhandled';
}

/**
 * Cuts the first `n` records of the draft's first piece off as units of one. At most SINGLES_AT_ONCE of them now: the stack is written
 * with every settle, so it stays short, and what is left carries the number still to be cut.
 */
export function cutSingles(draft: Draft, n: number, newId: () => string): void {
  const piece = draft.pieces[0]!;
  const now = Math.min(n, SINGLES_AT_ONCE);
  const singles = Array.from({ length: now }, (_, index) => index + 1);
  replaceByCuts(draft, piece, singles, newId);
  const rest = draft.pieces[now];
  if (rest && n > now) draft.pieces[now] = { ...rest, unit: { ...rest.unit, runSingly: n - now } };
}

/** Replaces the failing piece by new units, cut at the given indexes. The first of them runs at once. */
function replaceByCuts(draft: Draft, piece: Piece, indexes: readonly number[], newId: () => string): void {
  const bounds = [0, ...indexes.filter((index) => index < piece.records.length), piece.records.length];
  const parts: Piece[] = [];
  for (let i = 0; i + 1 < bounds.length; i++) {
    parts.push(cut(piece, bounds[i]!, bounds[i + 1]!, newId()));
  }
  draft.pieces.splice(0, 1, ...parts);
  draft.notBefore = null;
}
