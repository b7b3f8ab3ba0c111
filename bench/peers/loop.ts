/**
 * The second system of the throughput figures: what one would write by hand on ioredis. One process, one connection, one consumer group; for
 * each stream XREADGROUP COUNT n, parse each record, XACK the batch, go on. No sandbox, no retries, nothing survives.
 * Arguments: Redis URL, group, COUNT, records in all, stream keys. Says `warm <n>` once a tenth is done, and `done <n>`.
 */
import { Redis } from 'ioredis';

type Reply = [key: string, entries: [id: string, fields: string[]][]][] | null;

const [url, group, countText, totalText, ...keys] = process.argv.slice(2) as [string, string, string, string];
const count = Number(countText);
const total = Number(totalText);
const redis = new Redis(url);
let done = 0;
let warm = false;
let sum = 0;

function handle(fields: string[]): void {
  const at = fields.indexOf('data');
  sum += (JSON.parse(fields[at + 1]!) as { id: number }).id;
}

async function follow(key: string): Promise<void> {
  for (;;) {
    const reply = (await redis.xreadgroup(
      ...(['GROUP', group, 'consumer', 'COUNT', count, 'STREAMS', key, '>'] as const),
    )) as Reply;
    if (!reply) return;
    const entries = reply[0]![1];
    for (const [, fields] of entries) handle(fields);
    await redis.xack(key, group, ...entries.map(([id]) => id));
    done += entries.length;
    if (!warm && done >= total / 10) {
      warm = true;
      process.stdout.write(`warm ${done}\n`);
    }
  }
}

for (const key of keys) await redis.xgroup('CREATE', key, group, '0');
await Promise.all(keys.map(follow));
process.stdout.write(`done ${done} ${sum}\n`);
process.stdin.resume();
setInterval(() => undefined, 1_000);
