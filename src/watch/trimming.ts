/** Whether a look at a shard's records could remove any: with 10,000 quiet shards the asking itself took an eighth of a core. Pure. */
import { compareIds, type EntryId, idMs } from '../record.ts';

export interface TrimmedView {
  readonly checkpoint: EntryId;
  readonly stream: null | { readonly length: number; readonly firstId: EntryId | '' };
}

/** `retentionMs`: 'settled' when age does not matter. `view` null: not looked at yet, which is soon. */
export function canTrim(view: TrimmedView | null, retentionMs: number | 'settled', nowMs: number): boolean {
  if (!view?.stream || view.stream.length === 0 || view.stream.firstId === '') return false;
  const { firstId } = view.stream;
  // This reader's own checkpoint holds everything back.
  if (compareIds(firstId, view.checkpoint) > 0) return false;
  return retentionMs === 'settled' || idMs(firstId) < nowMs - retentionMs;
}
