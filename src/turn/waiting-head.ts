/** What is known of a shard's first unit while it waits: for `status`, and for expiry without a turn. */
import type { Unit } from '../record.ts';
import { expiresAt, overdueAt } from '../unit/expiry.ts';
import type { RecordTime, UnitPolicy } from '../unit/types.ts';
import { closingRecord } from '../unit/windows.ts';
import type { Reading } from './reading.ts';
import type { Slice } from './slice.ts';

export interface WaitingHead {
  /** Redis ms; 0: never. */
  readonly expiresAt: number;
  /** JSON text; empty: it is not blocked. */
  readonly blocked: string;
}

export function waitingHead(policy: UnitPolicy, head: Unit | undefined, slice: Slice, reading: Reading): WaitingHead {
  if (!head) return { expiresAt: 0, blocked: '' };
  const records = firstRecord(head, slice);
  return {
    expiresAt: expiresAt(policy, head, records) ?? 0,
    blocked: head.blockedSince === null ? '' : JSON.stringify(blockedFacts(policy, head, records[0], slice, reading)),
  };
}

/** `overdueAt`: when the head's first record reaches its age, whether or not anything is given up at that moment. */
function blockedFacts(
  policy: UnitPolicy,
  head: Unit,
  first: RecordTime | undefined,
  slice: Slice,
  reading: Reading,
): object {
  return {
    partitionKey: head.closes ? null : reading.partitionKey(slice, head.first),
    overdueAt: first ? overdueAt(policy, first) : null,
  };
}

function firstRecord(head: Unit, { records, to }: Slice): readonly RecordTime[] {
  // Of a final invocation that was only just decided, there is no slice yet.
  if (head.closes && to > 0) return [closingRecord(head.closes, head.first)];
  return records.filter(({ id }) => id === head.first);
}
