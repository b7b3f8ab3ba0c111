/** What `status` says of a blocked shard (contract.md, `blocked`), as far as the unit knows it. */
import { overdueAt } from './expiry.ts';
import type { RecordTime, Unit, UnitPolicy } from './types.ts';

export interface BlockedView {
  /** Redis ms. */
  readonly since: number;
  /** Recorded failures, as AWS's approximateInvokeCount. */
  readonly attempts: number;
  readonly requestId: string;
  readonly recordsInUnit: number;
  readonly lastError: Unit['lastError'];
  /** Redis ms; the past or null: now. */
  readonly nextAttemptAt: number | null;
  /** Redis ms at which the unit's first record reaches its age; null: never. */
  readonly expiresAt: number | null;
}

/** Null while the head has not failed. `notBefore` is the shard's stored one, `first` the unit's first record. */
export function blockedView(
  policy: Pick<UnitPolicy, 'age'>,
  unit: Unit,
  first: RecordTime | undefined,
  notBefore: number | null,
): BlockedView | null {
  if (unit.blockedSince === null) return null;
  return {
    since: unit.blockedSince,
    attempts: unit.failures,
    requestId: unit.requestId,
    recordsInUnit: unit.count,
    lastError: unit.lastError,
    nextAttemptAt: notBefore,
    expiresAt: first ? overdueAt(policy, first) : null,
  };
}
