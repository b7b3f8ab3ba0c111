/** What shards have still to send (shard/outbox.ts), for `status`, for metrics and for who sends it. */
import { OUTBOX_SHARDS_PER_CALL } from '../outbox-limits.ts';
import { idMs } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const script = loadScript(new URL('./lua/', import.meta.url), 'outboxes-N.lua');

export interface OutboxFacts {
  readonly messages: number;
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
): Promise<ReadonlyMap<string, OutboxFacts>> {
  const found = new Map<string, OutboxFacts>();
  for (let i = 0; i < shardIds.length; i += OUTBOX_SHARDS_PER_CALL) {
    const some = shardIds.slice(i, i + OUTBOX_SHARDS_PER_CALL);
    const pairs = some.flatMap((shardId) => [keys.shard(mapping, shardId), keys.outbox(mapping, shardId)]);
    const rows = (await script.run(redis, pairs, [])) as [number, number, string, string, string][];
    for (const [at, messages, oldest, error, sender] of rows)
      found.set(some[at]!, { messages, oldestMs: idMs(oldest), error, sender });
  }
  return found;
}
