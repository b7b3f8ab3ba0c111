/** What an operator skips (contract.md, "Acting on a running system"): given up as it is, with a notice like every other record that did not succeed. */
import { compareIds, type EntryId } from '../record.ts';
import { type Draft, finish, startDraft } from './draft.ts';
import { giveUpFront } from './expiry.ts';
import { functionErrorOf } from './failure.ts';
import { startUnit } from './pieces.ts';
import type { Decision, RecordTime, Unit, UnitPolicy } from './types.ts';
import { recordsVanished } from './vanished.ts';

type SkipPolicy = Pick<UnitPolicy, 'batchSize' | 'filterId'>;

/**
 * Skips the records up to `to`, as a decision; null: there are none of them here.
 * `records`: those of the head unit, or, when the stack is empty, the next unread ones. Records of the head that the source no longer has
 * are reported as a gap. What is left of the unit is tried at once, as the unit that it was.
 */
export function skipNow(
  policy: SkipPolicy,
  stack: readonly Unit[],
  records: readonly RecordTime[],
  to: EntryId,
  newId: () => string,
): Decision | null {
  const [head, ...rest] = stack;
  if (!head) {
    const n = countUpTo(records, to);
    if (n === 0) return null;
    const gone = records.slice(0, n);
    const draft = startDraft([{ unit: startUnit(gone, newId(), policy.filterId), records: gone }], []);
    skipFront(policy, draft, n);
    return finish(draft);
  }
  const draft = startDraft([{ unit: head, records }], rest);
  const vanished = records.length !== head.count;
  if (vanished) recordsVanished(draft, newId);
  const n = countUpTo(draft.pieces[0]?.records ?? [], to);
  if (n > 0) skipFront(policy, draft, n);
  return n > 0 || vanished ? finish(draft) : null;
}

/** How many records at the front lie up to there. */
function countUpTo(records: readonly RecordTime[], to: EntryId): number {
  const beyond = records.findIndex(({ id }) => compareIds(id, to) > 0);
  return beyond === -1 ? records.length : beyond;
}

function skipFront(policy: SkipPolicy, draft: Draft, n: number): void {
  const { unit } = draft.pieces[0]!;
  giveUpFront(policy, draft, n, {
    ...{ condition: 'SkippedByOperator', requestId: unit.requestId, invokeCount: unit.failures },
    ...{ functionError: functionErrorOf(unit), error: unit.lastError },
  });
  draft.givenUp += n;
  const left = draft.pieces[0];
  // The delivery that the act may have cut short was not the function's doing.
  if (left) draft.pieces[0] = { ...left, unit: { ...left.unit, lost: Math.max(left.unit.lost - 1, 0) } };
}
