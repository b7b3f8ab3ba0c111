/** A server that is killed and comes back: what it had acknowledged is there once, and what it had not is put again, once. */
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { createProducer } from '../../connectors/redis-stream/producer.ts';
import { readTopology } from '../../connectors/redis-stream/topology.ts';
import { Keys } from '../../src/redis/keys.ts';
import { type RedisServer, startRedisServer } from '../../src/redis/server.ts';

const KILLS = 5;
/**
 * A kill in the middle of a write leaves part of a transaction at the end of the append-only file. Redis 7.0 cuts such a file behind the
 * last whole command, leaves the MULTI in it, and carries out that part with the next transaction at the start after (docs/operations.md).
 * So this cuts before the MULTI, as `redis-check-aof --fix` does.
 */
async function cutUnfinished(dir: string): Promise<void> {
  const aof = path.join(dir, 'appendonlydir');
  for (const name of (await readdir(aof)).filter((one) => one.endsWith('.incr.aof'))) {
    const bytes = await readFile(path.join(aof, name));
    await truncate(path.join(aof, name), finishedIn(bytes));
  }
}

/** Where the last command ends that is whole and in no unfinished transaction. */
function finishedIn(bytes: Buffer): number {
  let [at, finished, open] = [0, 0, false];
  const line = (): number => {
    const end = bytes.indexOf('\r\n', at);
    const n = end < 0 ? Number.NaN : Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return n;
  };
  while (at < bytes.length) {
    const count = line();
    let name = '';
    for (let i = 0; i < count; i++) {
      const length = line();
      if (!(at + length + 2 <= bytes.length)) return finished;
      if (i === 0) name = bytes.toString('latin1', at, at + length).toUpperCase();
      at += length + 2;
    }
    if (!(count > 0)) return finished;
    open = name === 'MULTI' || (open && name !== 'EXEC');
    if (!open) finished = at;
  }
  return finished;
}

const keys = new Keys('t');
let dir = '';
let server: RedisServer | undefined;
afterEach(async () => {
  server?.kill('SIGKILL');
  await server?.exited;
  await rm(dir, { recursive: true, force: true });
});

it('neither doubles nor loses nor reorders a record over SIGKILLs of the server', async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'millrace-restart-'));
  server = await startRedisServer({ dir, appendfsync: 'always' });
  const { port, url } = server;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await createStream(client, keys, 's', { shards: 3, retentionHours: 24 });
  const producer = await createProducer({ url, keys, stream: 's' });

  let putting = true;
  let total = 0;
  const work = (async () => {
    for (; putting; total++) {
      const wait = producer.put(`key-${total % 10}`, `${total}`);
      if (wait) await wait;
    }
  })();
  for (let kill = 0; kill < KILLS; kill++) {
    const before = producer.report().accepted;
    await expect
      .poll(() => producer.report().accepted, { timeout: 10_000, interval: 2 })
      .toBeGreaterThan(before + 500 * kill);
    server.kill('SIGKILL');
    await server.exited;
    await cutUnfinished(dir);
    server = await startRedisServer({ dir, port, appendfsync: 'always' });
  }
  putting = false;
  await work;
  expect(await producer.close()).toEqual({ accepted: total, unknown: 0 });

  const seen = new Map<string, number[]>();
  for (const shard of (await readTopology(client, keys, 's'))!.shards) {
    for (const [, fields] of await client.xrange(shard.key, '-', '+')) {
      const own = seen.get(fields[1]!) ?? [];
      own.push(Number(fields[3]));
      seen.set(fields[1]!, own);
    }
  }
  for (let k = 0; k < 10; k++) {
    expect(seen.get(`key-${k}`)).toEqual(Array.from({ length: Math.ceil((total - k) / 10) }, (_, i) => k + i * 10));
  }
  client.disconnect();
});
