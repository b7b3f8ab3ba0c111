/** The outbox of a shard as what its outputs go to; full while too much of it is not sent. */
import { OUTPUT_LOOK_MS } from '../limits.ts';
import { OUTBOX_BYTES_MAX } from '../outbox-limits.ts';
import { OUTBOX_STREAM } from '../outbox.ts';
import type { OutputTarget } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';

export interface OutboxOutputOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly mapping: string;
  readonly shardId: string;
  /** Local monotonic ms. */
  readonly monoMs: () => number;
}

export function createOutboxOutput({ redis, keys, mapping, shardId, monoMs }: OutboxOutputOptions): OutputTarget {
  const key = keys.unsent(mapping, shardId);
  // A plain stream: the state is no topology, which is what the settle makes sure of.
  const route = { revision: '', topologyKey: keys.shard(mapping, shardId), keys: [key], indexOf: () => 0 };
  let seen = { at: -Infinity, entries: 0, bytes: 0 };
  let added = { entries: 0, bytes: 0 };

  async function look(): Promise<void> {
    const at = monoMs();
    added = { entries: 0, bytes: 0 };
    const [entries, bytes] = await Promise.all([redis.xlen(key), redis.call('MEMORY', 'USAGE', key)]);
    seen = { at, entries, bytes: Number(bytes ?? 0) };
  }

  /** Only turns of this shard add to it: while these are ours, it is no fuller than this. */
  function tooMuch(most: number): string | null {
    const [entries, bytes] = [seen.entries + added.entries, seen.bytes + added.bytes];
    if (entries >= most) return `${entries} entries are not sent yet, and ${most} are allowed`;
    return bytes < OUTBOX_BYTES_MAX ? null : `${bytes} bytes are not sent yet, and ${OUTBOX_BYTES_MAX} are allowed`;
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
