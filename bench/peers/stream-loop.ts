/**
 * What one would write by hand on ioredis, with its progress kept: for each stream XREADGROUP COUNT n, the handler in this process, then XACK and a checkpoint in one
 * pipeline; the streams beside each other, each in order. No sandbox; a handler that throws ends it; what was read and not acknowledged is not asked for again.
 * Arguments: Redis URL, group, COUNT, stream keys with commas, the kind of work and its options (support/kinds.ts).
 */
import { Redis } from 'ioredis';
import { kindOf } from '../support/kinds.ts';
import { tellProgress } from '../support/telling.ts';

type Reply = [key: string, entries: [id: string, fields: string[]][]][] | null;

const [url, group, countText, keysText, ...kind] = process.argv.slice(2) as [string, string, string, string];
const count = Number(countText);
const redis = new Redis(url);
const work = kindOf(kind);
const telling = tellProgress();

async function follow(key: string): Promise<void> {
  for (;;) {
    const reply = (await redis.xreadgroup(
      ...(['GROUP', group, 'consumer', 'COUNT', count, 'STREAMS', key, '>'] as const),
    )) as Reply;
    if (!reply) return;
    const entries = reply[0]![1];
    await work(entries.map(([, fields]) => fields[fields.indexOf('data') + 1]!));
    await redis
      .pipeline()
      .xack(key, group, ...entries.map(([id]) => id))
      .hset(`${group}:checkpoints`, key, entries.at(-1)![0])
      .exec();
    telling.add(entries.length);
  }
}

const keys = keysText.split(',');
for (const key of keys) await redis.xgroup('CREATE', key, group, '0');
await Promise.all(keys.map(follow));
telling.end();
