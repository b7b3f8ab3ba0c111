/**
 * Fills the spools of a topic with one client or another, settling at once what it has appended: what a poller does, and nothing of executors.
 * Arguments: kafkajs or platformatic, Redis URL, bootstrap server, topic, name of the mapping and of the group, records in all. Says `warm <n>` once a tenth is done, and
 * `done <n>`.
 */
import { Redis } from 'ioredis';
import { KafkaFeed } from '../../connectors/kafka/feed.ts';
import { createKafkaClient } from '../../connectors/kafka/kafkajs.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Keys } from '../../src/redis/keys.ts';
import { openSpools } from '../../src/shard/spool.ts';
import { systemClock } from '../../src/time.ts';
import { createPlatformaticClient } from './platformatic-client.ts';

const SETTLE_EVERY_MS = 10;

const [which, url, broker, topic, mapping, totalText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const total = Number(totalText);
const redis = new Redis(url);
const keys = new Keys('feed');
const spools = openSpools({
  ...{ redis, keys, mapping, monoMs: () => systemClock.monoMs() },
  failures: () => ({ stream: 'failures', bytesMax: 1e6 }),
  notice: (shardId, loss) => JSON.stringify({ shardId, loss }),
});
const connection = { brokers: [broker], clientId: 'feed', ssl: false };
const client = which === 'kafkajs' ? createKafkaClient(connection, silentLog) : createPlatformaticClient(connection);
const feed = new KafkaFeed({
  ...{ client, spools, clock: systemClock, log: silentLog, topic, groupId: mapping, readUncommitted: false },
  position: { kind: 'TRIM_HORIZON' },
  principal: 'User:ANONYMOUS',
  tell: () => Promise.resolve(),
});
let warm = false;
for (let done = 0; done < total;) {
  const shards = await spools.known();
  const states = await Promise.all(
    shards.map((shardId) => redis.hmget(keys.shard(mapping, shardId), 'sp:last', 'sp:next')),
  );
  done = states.reduce((sum, [, next]) => sum + Number(next ?? 0), 0);
  await Promise.all(
    shards.map((shardId, i) => {
      const last = states[i]![0];
      return last ? redis.hset(keys.shard(mapping, shardId), 'cp', last) : Promise.resolve(0);
    }),
  );
  if (!warm && done >= total / 10) {
    warm = true;
    process.stdout.write(`warm ${done}\n`);
  }
  await systemClock.sleep(SETTLE_EVERY_MS);
}
process.stdout.write(`done ${total}\n`);
await feed.stop();
