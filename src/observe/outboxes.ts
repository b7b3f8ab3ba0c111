/** What shards have still to send (shard/outbox.ts), for `status`, for metrics and for who sends it. */
import { OUTBOX_SHARDS_PER_CALL } from '../outbox-limits.ts';
import type { Box } from '../outbox.ts';
import { idMs } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const script = loadScript(new URL('./lua/', import.meta.url), 'outboxes-N.lua');

export interface OutboxFacts {
  readonly messages: number;
  readonly bytes: number;
  /** When the oldest was written, Redis ms. */
  readonly oldestMs: number;
  /** Why the last try failed; '': none did since one succeeded. */
  readonly error: string;
  /** Daemon that sends or sent last. */
  readonly sender: string;
}

/** Those that are not empty, by shard id. */
export async function readOutboxes(
  redis: Redis,
  keys: Keys,
  mapping: string,
  shardIds: readonly string[],
  box: Box,
): Promise<ReadonlyMap<string, OutboxFacts>> {
  const found = new Map<string, OutboxFacts>();
  const key = (shardId: string) => (box === 'notices' ? keys.outbox(mapping, shardId) : keys.unsent(mapping, shardId));
  for (let i = 0; i < shardIds.length; i += OUTBOX_SHARDS_PER_CALL) {
    const some = shardIds.slice(i, i + OUTBOX_SHARDS_PER_CALL);
    const pairs = some.flatMap((shardId) => [keys.shard(mapping, shardId), key(shardId)]);
    const rows = (await script.run(redis, pairs, [box === 'notices' ? 'ob' : 'oo'])) as Row[];
    for (const [at, messages, bytes, oldest, error, sender] of rows)
      found.set(some[at]!, { messages, bytes, oldestMs: idMs(oldest), error, sender });
  }
  return found;
}

type Row = [at: number, messages: number, bytes: number, oldest: string, error: string, sender: string];
