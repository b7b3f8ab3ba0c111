/** Which tumbling window a record belongs to, by when it arrived and in the order of the shard (docs/windows.md). */
import { type Closing, type Window, WINDOW_AHEAD_MS, type WindowPart } from '../tumbling.ts';
import type { EntryId } from '../record.ts';
import type { Piece } from './pieces.ts';

/** The moment by which a record is put into a window. */
export function windowTime(arrivalMs: number, nowMs: number): number {
  return arrivalMs > nowMs + WINDOW_AHEAD_MS ? nowMs : arrivalMs;
}

/**
 * The window of the next record of the shard, whose newest window is given. No window comes back: what is late for an open one counts in it, and
 * what is late for one that is over counts in the next. A period that ended early goes on in another part.
 */
export function windowOf(timeMs: number, lengthMs: number, newest: Window | null): WindowPart {
  if (newest && timeMs < newest.end) {
    const { start, end, part } = newest;
    if (newest.open) return { start, end, part };
    if (newest.early) return { start, end, part: part + 1 };
  }
  const own = Math.floor(timeMs / lengthMs) * lengthMs;
  const start = newest && own < newest.end ? Math.ceil(newest.end / lengthMs) * lengthMs : own;
  return { start, end: start + lengthMs, part: 0 };
}

/** How many of the records, from the first on, one invocation may have: those before the end of the first one's window. */
export function withinWindow(times: readonly number[], lengthMs: number, knownEnd: number): number {
  const first = times[0]!;
  const end = endOfWindow(first, lengthMs, knownEnd);
  const beyond = times.findIndex((time) => time >= end);
  return beyond < 0 ? times.length : beyond;
}

/** `knownEnd`: of the newest window that was begun before. */
export function endOfWindow(timeMs: number, lengthMs: number, knownEnd: number): number {
  return timeMs < knownEnd ? knownEnd : Math.floor(timeMs / lengthMs) * lengthMs + lengthMs;
}

/** The final invocation: a unit of its own at the checkpoint. It stands for one record that is none, so that the rules of units hold for it as they are. */
export function closingPiece(closes: Closing, checkpoint: EntryId, requestId: string): Piece {
  return {
    unit: {
      ...{ first: checkpoint, last: checkpoint, count: 1, requestId, deliveries: 0, failures: 0, lost: 0 },
      ...{ blockedSince: null, lastError: null, triedVersion: null, closes },
    },
    records: [closingRecord(closes, checkpoint)],
  };
}

/** Expiry counts its age from when it was due. */
export function closingRecord({ at }: Closing, checkpoint: EntryId): { id: EntryId; arrivalMs: number } {
  return { id: checkpoint, arrivalMs: at };
}
