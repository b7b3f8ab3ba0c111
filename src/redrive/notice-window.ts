/**
 * The tumbling window of a notice that is redriven: one of its own, apart from those of the shard. It begins with the first of its records
 * that succeeds, and its final invocation comes before the notice ends (docs/failures.md). Pure.
 */
import type { NoticeWindow, Range } from '../redrive-line.ts';
import type { WindowPart } from '../tumbling.ts';
import type { Decision } from '../unit/types.ts';

export interface WindowAfter {
  readonly window: NoticeWindow | null;
  /** What its final invocation had of it was given up with it: the state is gone, so that these records have to run again. */
  readonly gaveUp: readonly Range[];
}

/**
 * `fresh`: the window that begins where none is open. `from`: index of the first record of the unit that ran.
 */
export function windowAfter(
  open: NoticeWindow | null,
  { window: change, succeeded, giveUps }: Decision,
  fresh: () => WindowPart,
  from: number,
): WindowAfter {
  if (change === undefined) return { window: open, gaveUp: [] };
  if (change === 'closed') {
    const lost = giveUps.some(({ closes }) => closes !== undefined);
    // That of a notice of a final invocation has no records: it stands for itself.
    return { window: null, gaveUp: lost ? (open?.records ?? [[0, 1]]) : [] };
  }
  const records = withRange(open?.records ?? [], [from, from + succeeded]);
  return { window: { ...(open ?? fresh()), state: change.state, records }, gaveUp: [] };
}

/** Units run in order, so that most ranges only grow. */
function withRange(ranges: readonly Range[], [from, to]: Range): Range[] {
  const last = ranges.at(-1);
  if (last?.[1] === from) return [...ranges.slice(0, -1), [last[0], to]];
  return [...ranges, [from, to]];
}

/** Ascending, so that what is left runs in its order. */
export function inOrder(ranges: readonly Range[]): Range[] {
  return ranges.toSorted(([a], [b]) => a - b);
}
