/** The outbox of a shard as what its outputs go to; full while too much of it is not sent, or not settled by who reads it there. */
import { OUTPUT_LOOK_MS } from '../limits.ts';
import { notedBacklog } from '../observe/noted-backlog.ts';
import { OUTBOX_BYTES_MAX } from '../outbox-limits.ts';
import { OUTBOX_STREAM, type OutboxTarget, placeOf } from '../outbox.ts';
import type { Backlog, OutputTarget } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';

export interface OutboxOutputOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly mapping: string;
  readonly shardId: string;
  /** Where it is sent to, as far as its readers there are waited for; null: they are not. */
  readonly waitsAt: () => OutboxTarget | null;
  /** Local monotonic ms. */
  readonly monoMs: () => number;
}

export function createOutboxOutput(options: OutboxOutputOptions): OutputTarget {
  const { redis, keys, mapping, shardId, waitsAt, monoMs } = options;
  const key = keys.unsent(mapping, shardId);
  // A plain stream: the state is no topology, which is what the settle makes sure of.
  const route = { revision: '', topologyKey: keys.shard(mapping, shardId), keys: [key], indexOf: () => 0 };
  let seen = { at: -Infinity, entries: 0, bytes: 0 };
  let readers: { readonly place: string; readonly backlog: Backlog } | null = null;
  let added = { entries: 0, bytes: 0 };

  async function look(): Promise<void> {
    const at = monoMs();
    added = { entries: 0, bytes: 0 };
    const to = waitsAt();
    const [entries, bytes, backlog] = await Promise.all([
      redis.xlen(key),
      redis.call('MEMORY', 'USAGE', key),
      to && notedBacklog(redis, keys, to),
    ]);
    seen = { at, entries, bytes: Number(bytes ?? 0) };
    readers = to && backlog && { place: placeOf(to), backlog };
  }

  /** Only turns of this shard add to it: while these are ours, it is no fuller than this. */
  function tooMuch(most: number): string | null {
    const [entries, bytes] = [seen.entries + added.entries, seen.bytes + added.bytes];
    if (entries >= most) return `${entries} entries are not sent yet, and ${most} are allowed`;
    if (bytes >= OUTBOX_BYTES_MAX) return `${bytes} bytes are not sent yet, and ${OUTBOX_BYTES_MAX} are allowed`;
    if (!readers || entries + readers.backlog.unsettled < most) return null;
    const { place, backlog } = readers;
    const unsent = entries > 0 ? `, ${entries} entries are not sent yet` : '';
    return `${backlog.mapping} has ${backlog.unsettled} records of ${place} unsettled${unsent}, and ${most} are allowed`;
  }

  return {
    stream: OUTBOX_STREAM,
    route: () => Promise.resolve(route),
    async full(most) {
      if (monoMs() - seen.at >= OUTPUT_LOOK_MS || tooMuch(most) !== null) await look();
      return tooMuch(most);
    },
    added(entries, bytes) {
      added = { entries: added.entries + entries, bytes: added.bytes + bytes };
    },
  };
}
