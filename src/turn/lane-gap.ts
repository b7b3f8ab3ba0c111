/** Records that the source lost before they were read, where the shard has lanes: one gap, settled for all of them at once. */
import { compareIds } from '../record.ts';
import type { Gap } from './gap.ts';
import type { LaneBook, StoredLane } from './lane-book.ts';
import type { Settlement } from '../shard/settle.ts';
import type { Settling } from './settling.ts';

/** Nothing that lies within the gap is in hand any more. */
export function isFreeOf(lanes: readonly StoredLane[], gap: Gap): boolean {
  return lanes.every((lane) => lane.units.length === 0 || !isWithin(lane, gap));
}

/** `settlingOf`: settles as `compose` has it. */
export async function settleGap(
  book: LaneBook,
  gap: Gap,
  settlingOf: (compose: (s: Settlement) => Settlement) => Settling,
): Promise<void> {
  const { checkpoint, entriesRead } = gap;
  const moved = book.lanes.map((lane) => (isWithin(lane, gap) ? { ...lane, checkpoint, entriesRead } : lane));
  const settling = settlingOf((s) => book.replaced(moved, s));
  await settling.applyGap(gap);
  await settling.commit();
}

function isWithin({ checkpoint }: StoredLane, gap: Gap): boolean {
  return gap.newGeneration || compareIds(checkpoint, gap.checkpoint) < 0;
}
