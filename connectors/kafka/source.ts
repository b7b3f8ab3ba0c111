/**
 * A Kafka topic behind the source port. Its shards are what the pollers have begun, as Redis knows them, so that an executor needs no
 * way to Kafka; the records come by the feed.
 */
import { KAFKA_LEAVE_MS } from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import type { Source } from '../../src/source/port.ts';
import type { Clock } from '../../src/time.ts';
import type { KafkaConnection, MemberFacts } from './client.ts';
import { KafkaFeed } from './feed.ts';
import { seekOffsets } from './seek.ts';
import { createKafkaClient } from './kafkajs.ts';
import { principalOf } from './refused.ts';

export interface KafkaSourceOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly mapping: string;
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly groupId: string;
  readonly readUncommitted: boolean;
}

export function createKafkaSource(options: KafkaSourceOptions): Source {
  const { redis, keys, mapping, topic } = options;
  return {
    async describe() {
      const shardIds = await redis.zrange(keys.shardIndex(mapping), '0', '-1');
      const shards = shardIds.map((shardId) => {
        const key = keys.spool(mapping, shardId);
        return { shardId, key, parents: [], closed: false, spooled: true as const };
      });
      const arn = `arn:millrace:kafka:::topic/${topic}`;
      return { exists: shards.length > 0, arn, shards, revision: shards.length, retentionMs: null };
    },
    start: ({ shardId }) => Promise.reject(new Error(`${shardId} is begun by its feed`)),
    seek: (shards, to) => {
      const client = createKafkaClient(options.connection, options.log);
      return seekOffsets(client, { principal: principalOf(options.connection), topic }, shards, to);
    },
    // An append removes what is settled, and so does each look.
    trim: () => Promise.resolve({ more: false }),
    feed: ({ spools, position }) => {
      const { connection, groupId, readUncommitted, clock, log } = options;
      const client = createKafkaClient(connection, log);
      const tell = async (members: readonly MemberFacts[]) => {
        // Not for a mapping that was forgotten meanwhile.
        if ((await redis.exists(keys.mapping(mapping))) === 0) return;
        await redis.hset(keys.mapping(mapping), 'group', JSON.stringify({ groupId, members }));
      };
      const feed = new KafkaFeed({
        ...{ client, spools, clock, log, topic, groupId, readUncommitted, tell, position },
        principal: principalOf(connection),
      });
      return {
        get problem() {
          return feed.problem;
        },
        async stop() {
          // Questions that a broker does not answer end by themselves, later.
          await Promise.race([feed.stop().then(() => client.close()), clock.sleep(2 * KAFKA_LEAVE_MS)]);
        },
      };
    },
  };
}
