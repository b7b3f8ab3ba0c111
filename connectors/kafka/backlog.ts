/**
 * How far the mappings that read a topic are behind: its ends, as the cluster has them, less what they have settled of each partition.
 * Offsets are counted, so that the marks of transactions, and what is compacted, count as records until they are passed.
 */
import { BACKLOG_SHARDS_PER_CALL } from '../../src/limits.ts';
import { slowestOf } from '../../src/observe/backlog.ts';
import type { Log } from '../../src/observe/log.ts';
import type { BacklogAt } from '../../src/output.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { positionAfter } from '../../src/spool.ts';
import type { KafkaClient, KafkaConnection, PartitionEnds } from './client.ts';
import { explainKafka } from './explain.ts';
import { createKafkaClient } from './kafkajs.ts';
import { principalOf } from './refused.ts';
import { shardIdOf } from './start.ts';

export interface TopicBacklogOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** Mappings whose source it is. */
  readonly readers: () => Promise<readonly string[]>;
  readonly log: Log;
}

export function createTopicBacklog({ redis, keys, connection, topic, readers, log }: TopicBacklogOptions): BacklogAt {
  let client: KafkaClient | null = null;
  return {
    async read() {
      const mappings = await readers();
      // A topic that nobody here reads costs its cluster nothing, and us no client.
      if (mappings.length === 0) return null;
      let ends: ReadonlyMap<number, PartitionEnds>;
      try {
        client ??= createKafkaClient(connection, log);
        ends = await client.ends(topic);
      } catch (error) {
        throw new Error(explainKafka(error, { topic, principal: principalOf(connection) }), { cause: error });
      }
      return await slowestOf(mappings, (mapping) => unsettledOf(redis, keys, mapping, topic, ends));
    },
    close: async () => await client?.close(),
  };
}

/** Null: it has not begun. A partition that it has not begun, beside others, is read from its beginning. */
async function unsettledOf(
  redis: Redis,
  keys: Keys,
  mapping: string,
  topic: string,
  ends: ReadonlyMap<number, PartitionEnds>,
): Promise<number | null> {
  let [total, begun] = [0, false];
  const partitions = [...ends];
  for (let i = 0; i < partitions.length; i += BACKLOG_SHARDS_PER_CALL) {
    const some = partitions.slice(i, i + BACKLOG_SHARDS_PER_CALL);
    const asking = redis.pipeline();
    for (const [partition] of some)
      asking.hmget(keys.shard(mapping, shardIdOf(topic, partition)), 'cp', 'sp:next', 'sp:last');
    const replies = (await asking.exec()) ?? [];
    some.forEach(([, { low, high }], at) => {
      const [error, fields] = replies[at]!;
      if (error) throw error;
      const [checkpoint, next, last] = fields as (string | null)[];
      begun ||= checkpoint != null;
      total += Math.max(0, high - (checkpoint == null ? low : settledTo(checkpoint, next ?? null, last ?? null)));
    });
  }
  return begun ? total : null;
}

/** With everything settled that was fetched, the marks behind its last record are passed as well. */
function settledTo(checkpoint: string, next: string | null, last: string | null): number {
  const all = last === null || last === '' || last === checkpoint;
  return Math.max(positionAfter(checkpoint), all ? Number(next ?? 0) : 0);
}
