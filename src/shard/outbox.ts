/** The outbox of a shard: messages that its settles wrote and pollers have still to send. One poller at a time, by a lease. */
import { OUTBOX_LEASE_MS, OUTBOX_SEND_BYTES, OUTBOX_SEND_MESSAGES } from '../outbox-limits.ts';
import type { EntryId } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const script = loadScript(new URL('./lua/', import.meta.url), 'outbox-2.lua');

export interface OutboxEntry {
  readonly id: EntryId;
  readonly text: string;
}

export interface OutboxStep {
  /** Acknowledged: they go. */
  readonly sent?: readonly EntryId[];
  /** What went wrong, for `status`; '': nothing did; absent: what is noted stays. */
  readonly error?: string;
  /** 'read' takes the lease and reads; 'renew' keeps it; 'release' gives it back. */
  readonly then: 'read' | 'renew' | 'release';
}

/** Null: somebody else sends, or the shard has no state any more. */
export async function stepOutbox(
  { redis, keys, me }: { readonly redis: Redis; readonly keys: Keys; readonly me: string },
  shard: { readonly mapping: string; readonly shardId: string },
  { sent = [], error = '-', then }: OutboxStep,
): Promise<OutboxEntry[] | null> {
  const pair = [keys.shard(shard.mapping, shard.shardId), keys.outbox(shard.mapping, shard.shardId)];
  const lease = then === 'release' ? 0 : OUTBOX_LEASE_MS;
  const most = then === 'read' ? OUTBOX_SEND_MESSAGES : 0;
  const reply = (await script.run(redis, pair, [me, lease, error, most, OUTBOX_SEND_BYTES, ...sent])) as string[];
  const [kind, ...flat] = reply;
  if (kind !== 'held') return null;
  return flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, text: flat[i + 1]! }] : []));
}
