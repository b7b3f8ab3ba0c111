/** What a look at a shard says: is there work, when may it run, what would expire. Pure. */
import { AFTER_ALL, compareIds, type EntryId } from '../record.ts';
import type { ShardView } from '../shard/sweep.ts';
import { findGap } from '../turn/gap.ts';

export type Verdict =
  | { readonly kind: 'done' }
  /** By an operator; what is in flight ends by itself. */
  | { readonly kind: 'paused' }
  /** Somebody has the turn. */
  | { readonly kind: 'running' }
  /** The head unit waits for its next attempt. */
  | { readonly kind: 'parked'; readonly until: number }
  /** `first`: a record that begins a fresh batch, so a batching window applies; null: a unit or a gap, which wait for nothing. */
  | { readonly kind: 'work'; readonly first: EntryId | null }
  /** `from`: lanes are free and have nothing to do there, while others wait until `until`. */
  | { readonly kind: 'idle'; readonly from?: EntryId; readonly until?: number };

/** `alive`: ids of the daemons that are; a turn of another one is over, whatever the state says. */
export function judge(view: ShardView, nowMs: number, alive: ReadonlySet<string>): Verdict {
  if (view.done) return { kind: 'done' };
  if (view.owner !== '' && alive.has(view.owner)) return { kind: 'running' };
  if (view.paused) return { kind: 'paused' };
  if (view.unitPending) {
    if (view.notBefore <= nowMs) return { kind: 'work', first: null };
    const { freeFrom, notBefore: until, stream } = view;
    if (freeFrom === '') return { kind: 'parked', until };
    const more = stream !== null && stream.lastId !== '' && compareIds(stream.lastId, freeFrom) > 0;
    return more ? { kind: 'work', first: null } : { kind: 'idle', from: freeFrom, until };
  }
  const stream = view.stream
    ? { ...view.stream, exists: true, firstId: view.stream.firstId === '' ? null : view.stream.firstId }
    : { exists: false, length: 0, entriesAdded: 0, firstId: null, lastGeneratedId: '0-0' };
  const at = {
    after: view.checkpoint,
    entriesRead: view.entriesRead,
    seenAdded: view.seenAdded,
    seenLast: '' as const,
  };
  if (view.spool === null && findGap(at, stream)) return { kind: 'work', first: null };
  if (view.nextId !== null) return { kind: 'work', first: view.nextId };
  if (view.windowDueAt > 0 && view.windowDueAt <= nowMs) return { kind: 'work', first: null };
  // A sealed shard that is settled to its end needs one more turn to say so: its children wait for it.
  return stream.lastGeneratedId === AFTER_ALL ? { kind: 'work', first: null } : { kind: 'idle' };
}

/** Records behind the checkpoint; exact wherever Redis can know it. */
export function lagOf(view: ShardView): number {
  const unfetched = view.spool ? Math.max(0, view.spool.end - view.spool.next) : 0;
  if (!view.stream || view.nextId === null) return unfetched;
  return Math.max(1, view.stream.entriesAdded - view.entriesRead) + unfetched;
}
