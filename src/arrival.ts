/** When a record arrived: its id's time, or the moment it was first seen (contract.md, "arrival"). Pure. */
import { compareIds, type EntryId, idMs } from './record.ts';
import { DAY } from './time.ts';

/** An id whose milliseconds lie before 2010 is no time: Redis streams are younger. */
const FIRST_PLAUSIBLE_MS = Date.UTC(2010, 0, 1);

export function idIsTime(id: EntryId, nowMs: number): boolean {
  return isTime(idMs(id), nowMs);
}

function isTime(ms: number, nowMs: number): boolean {
  return ms >= FIRST_PLAUSIBLE_MS && ms <= nowMs + DAY;
}

export interface ArrivalRule {
  readonly firstSeen: boolean;
  readonly marks: readonly (readonly [EntryId, number])[];
  readonly nowMs: number;
}

export function arrivalMs(id: EntryId, rule: ArrivalRule): number {
  const ms = idMs(id);
  if (!rule.firstSeen && isTime(ms, rule.nowMs)) return ms;
  // The first mark that reaches the record tells when it had been seen at the latest.
  for (const [upTo, seenMs] of rule.marks) if (compareIds(upTo, id) >= 0) return seenMs;
  return rule.nowMs;
}
