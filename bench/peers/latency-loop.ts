/**
 * The second system of the latency figures: XREADGROUP BLOCK over all streams on one ioredis connection, then XACK.
 * Arguments: Redis URL, group, stream keys. Says `ready`, and `{"latencies":[…]}` for some records at a time.
 */
import { Redis } from 'ioredis';

type Reply = [key: string, entries: [id: string, fields: string[]][]][] | null;

const REPORT_EVERY_MS = 500;
const [url, group, ...keys] = process.argv.slice(2) as [string, string];
const redis = new Redis(url);
let latencies: number[] = [];

for (let at = 0; at < keys.length; at += 1_000) {
  const some = keys.slice(at, at + 1_000);
  const asking = redis.pipeline();
  for (const key of some) asking.xinfo('STREAM', key);
  // A key that is not there yet has none.
  const added = ((await asking.exec()) ?? []).map(([, facts]) => {
    const list = (facts ?? []) as unknown[];
    return Number(list[list.indexOf('entries-added') + 1] ?? 0);
  });
  const pipeline = redis.pipeline();
  // With the number of what lies before it Redis can tell how far behind the group is, whatever was trimmed.
  for (const [n, key] of some.entries())
    pipeline.xgroup('CREATE', key, group, '$', 'MKSTREAM', 'ENTRIESREAD', added[n] || 0);
  await pipeline.exec();
}
process.stdout.write('ready\n');
setInterval(() => {
  if (latencies.length === 0) return;
  process.stdout.write(`${JSON.stringify({ latencies })}\n`);
  latencies = [];
}, REPORT_EVERY_MS);

for (;;) {
  const reply = (await redis.xreadgroup(
    ...(['GROUP', group, 'consumer', 'COUNT', 100, 'BLOCK', 5_000, 'STREAMS'] as const),
    ...keys,
    ...keys.map(() => '>'),
  )) as Reply;
  if (!reply) continue;
  const pipeline = redis.pipeline();
  for (const [key, entries] of reply) {
    const now = Date.now();
    for (const [, fields] of entries) {
      const { sentMs, counts } = JSON.parse(fields[fields.indexOf('data') + 1]!) as { sentMs: number; counts: boolean };
      if (counts) latencies.push(now - sentMs);
    }
    pipeline.xack(key, group, ...entries.map(([id]) => id));
  }
  await pipeline.exec();
}
