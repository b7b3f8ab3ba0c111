/** The outboxes of a shard: what its settles wrote and pollers have still to send. One poller at a time for each, by a lease. */
import { randomBytes, randomUUID } from 'node:crypto';
import { OUTBOX_LEASE_MS, OUTBOX_LINGER_MS, OUTBOX_SEND_BYTES, OUTBOX_SEND_ENTRIES } from '../outbox-limits.ts';
import type { Box } from '../outbox.ts';
import type { EntryId } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const script = loadScript(new URL('./lua/', import.meta.url), 'outbox-2.lua');
const READ_BYTES = 9;
/** Beginning of the fields in the shard's state. */
const FIELDS: Readonly<Record<Box, string>> = { notices: 'ob', outputs: 'oo' };

export interface OutboxRef {
  readonly mapping: string;
  readonly shardId: string;
  readonly box: Box;
}

export interface OutboxEntry {
  readonly id: EntryId;
  readonly fields: ReadonlyMap<string, Buffer>;
}

export interface OutboxRead {
  /** Of this shard's outputs, for good: another installation that sends to the same place has another name. '' for notices. */
  readonly name: string;
  /** Of this read: while no other came after it, what of it was acknowledged may be removed. */
  readonly read: string;
  readonly entries: readonly OutboxEntry[];
}

export interface OutboxStep {
  /** Acknowledged: they go. */
  readonly sent?: { readonly read: string; readonly ids: readonly EntryId[] };
  /** What went wrong, for `status`; '': nothing did; absent: what is noted stays. */
  readonly error?: string;
  /** 'read' takes the lease and reads; 'renew' keeps it; 'linger' keeps it for a moment, so that who sent last goes on; 'release' gives it back. */
  readonly then: 'read' | 'renew' | 'linger' | 'release';
}

export function outboxKey(keys: Keys, { mapping, shardId, box }: OutboxRef): string {
  return box === 'notices' ? keys.outbox(mapping, shardId) : keys.unsent(mapping, shardId);
}

/** Null: somebody else sends, or the shard has no state any more. */
export async function stepOutbox(
  { redis, keys, me }: { readonly redis: Redis; readonly keys: Keys; readonly me: string },
  ref: OutboxRef,
  { sent, error = '-', then }: OutboxStep,
): Promise<OutboxRead | null> {
  const pair = [keys.shard(ref.mapping, ref.shardId), outboxKey(keys, ref)];
  const lease = then === 'release' ? 0 : then === 'linger' ? OUTBOX_LINGER_MS : OUTBOX_LEASE_MS;
  const most = then === 'read' ? OUTBOX_SEND_ENTRIES[ref.box] : 0;
  const read = randomBytes(READ_BYTES).toString('base64url');
  const args = [
    me,
    lease,
    error,
    most,
    OUTBOX_SEND_BYTES,
    FIELDS[ref.box],
    ref.box === 'outputs' ? randomUUID().slice(0, 8) : '',
    ...[read, sent?.read ?? ''],
    ...(sent?.ids ?? []),
  ];
  const [kind, name, ...flat] = (await script.runBuffer(redis, pair, args)) as [Buffer, Buffer, ...unknown[]];
  if (String(kind) !== 'held') return null;
  const entries = flat.flatMap((id, i) =>
    i % 2 === 0 ? [{ id: String(id), fields: toMap(flat[i + 1] as Buffer[]) }] : [],
  );
  return { name: String(name), read, entries };
}

function toMap(flat: readonly Buffer[]): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (let i = 0; i + 1 < flat.length; i += 2) found.set(String(flat[i]), flat[i + 1]!);
  return found;
}
