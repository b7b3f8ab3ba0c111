/** Looking at many shards at once, and remembering when records were first seen. */
import { type Ageing, parseAgeing } from '../ageing.ts';
import type { Redis } from '../redis/connect.ts';
import { ARRIVAL_MARKS_MAX } from '../limits.ts';
import type { EntryId, ShardRef } from '../record.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import { SPOOL_LUA } from '../spool-block.ts';

const lua = new URL('./lua/', import.meta.url);
const sweepScript = loadScript(lua, 'sweep-N.lua', { with: SPOOL_LUA });
const markScript = loadScript(lua, 'mark-2.lua');

export interface ShardView {
  readonly checkpoint: EntryId;
  readonly entriesRead: number;
  readonly owner: string;
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly done: boolean;
  /** By an operator: no turn begins. */
  readonly paused: boolean;
  readonly ageing: Ageing | null;
  readonly settledAt: number;
  readonly unitPending: boolean;
  /** The head unit failed and is not settled. */
  readonly blocked: boolean;
  readonly epoch: string;
  readonly seenAdded: number;
  /** null: the key does not exist (or is no stream). */
  readonly stream: null | {
    readonly length: number;
    readonly entriesAdded: number;
    readonly firstId: EntryId | '';
    readonly lastId: EntryId | '';
    readonly lastGeneratedId: EntryId;
  };
  /** Of a shard that is filled from another system; positions there. */
  readonly spool: null | { readonly next: number; readonly end: number; readonly nextArrivalMs: number | null };
  /** Redis ms at which the open window ends when no records come; 0: there is none. */
  readonly windowDueAt: number;
  /** With lanes: where the first of those begins that are free to go on while others wait; '' when none is. */
  readonly freeFrom: EntryId | '';
  /** First record after the checkpoint, if there is one. */
  readonly nextId: EntryId | null;
}

/** One view per shard, in order; null for a shard without state. */
export async function sweepShards(
  redis: Redis,
  keys: Keys,
  shards: readonly (ShardRef & { readonly key: string })[],
): Promise<{ nowMs: number; views: (ShardView | null)[] }> {
  const flat = shards.flatMap((s) => [keys.shard(s.mapping, s.shardId), s.key]);
  const [now, ...rows] = (await sweepScript.run(redis, flat, [])) as [string, ...(string | number)[][]];
  return { nowMs: Number(now), views: rows.map(toView) };
}

function toView(row: readonly (string | number)[]): ShardView | null {
  const [
    cp,
    read,
    owner,
    nb,
    exp,
    done,
    at,
    exists,
    length,
    added,
    first,
    last,
    lastGen,
    next,
    pending,
    seen,
    epoch,
    blocked,
    spoolNext,
    spoolEnd,
    nextArrival,
    paused,
    pauses,
    rewoundTo,
    rewoundAt,
    windowDue,
    freeFrom,
  ] = row;
  if (cp === '') return null;
  return {
    checkpoint: String(cp),
    entriesRead: Number(read),
    owner: String(owner ?? ''),
    notBefore: Number(nb),
    expiresAt: Number(exp),
    done: done === '1',
    paused: String(paused ?? '') !== '',
    ageing: parseAgeing({
      pauses: String(pauses ?? ''),
      rewoundTo: String(rewoundTo ?? ''),
      rewoundAt: String(rewoundAt ?? ''),
    }),
    settledAt: Number(at),
    unitPending: pending === 1,
    blocked: blocked === 1,
    epoch: String(epoch ?? ''),
    seenAdded: Number(seen || 0),
    stream: exists
      ? {
          length: Number(length),
          entriesAdded: Number(added),
          firstId: String(first),
          lastId: String(last),
          lastGeneratedId: String(lastGen),
        }
      : null,
    spool:
      spoolNext === '' || spoolNext === undefined
        ? null
        : {
            ...{ next: Number(spoolNext), end: Number(spoolEnd) },
            nextArrivalMs: nextArrival === '' || nextArrival === undefined ? null : Number(nextArrival),
          },
    windowDueAt: Number(windowDue),
    freeFrom: String(freeFrom ?? ''),
    nextId: next === '' || next === undefined ? null : String(next),
  };
}

/** Marks that everything now in the stream has been seen by now; the marks, ascending. */
export async function markArrivals(
  redis: Redis,
  keys: Keys,
  shard: ShardRef,
  streamKey: string,
): Promise<[EntryId, number][]> {
  const text = await markScript.run(redis, [keys.shard(shard.mapping, shard.shardId), streamKey], [ARRIVAL_MARKS_MAX]);
  return JSON.parse(text as string) as [EntryId, number][];
}
