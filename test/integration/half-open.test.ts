/** A Redis whose end of the connections is gone without a word is noticed by each of them; one that only pauses for 2 s is not given up. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HEARTBEAT_MS, REDIS_CONNECT_TIMEOUT_MS, REDIS_SILENCE_MS, WATCH_BLOCK_MS } from '../../src/limits.ts';
import { Keys } from '../../src/redis/keys.ts';
import { type RedisServer, startRedisServer } from '../../src/redis/server.ts';
import { type Link, openLink } from '../chaos/lab/link.ts';
import { pause } from '../chaos/lab/lab.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';

/** Reconnections, a turn, and what a full machine takes for them. */
const RECONNECT_MS = 1_500;

let dir: string;
let server: RedisServer;
let link: Link;
let client: Redis;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'millrace-half-open-'));
  server = await startRedisServer({ dir, appendfsync: 'no' });
  link = await openLink(server.port);
  client = new Redis(server.url);
});

afterEach(async () => {
  client.disconnect();
  await link.close();
  server.kill('SIGKILL');
  await server.exited;
  await rm(dir, { recursive: true, force: true });
});

/** A daemon that reaches Redis over the link, with all of its connections made. */
async function daemonOverLink(): Promise<Record<string, number>> {
  const config = {
    redis: `redis://127.0.0.1:${link.port}`,
    functions: { f: { code: 'f.mjs', handler: 'handler' } },
    mappings: { m: { function: 'f', source: { type: 'redis-stream', stream: 's' }, startingPosition: 'TRIM_HORIZON' } },
  };
  const files = { 'millrace.yaml': stringify(config), 'f.mjs': 'export const handler = () => undefined;' };
  const file = path.join(await configDir(files), 'millrace.yaml');
  const daemon = startTestDaemon({ config: file, env: { MILLRACE_CACHE: TEST_CACHE } });
  await daemon.ready;
  await client.xadd('s', '*', 'data', '1');
  await settled(1);
  // Blocked: the shard was handed back, and its watch asks. One that nothing is asked on is noticed when something is.
  const watching = async () => / name=millrace:watch .* flags=\w*b/.test(String(await client.client('LIST')));
  await eventually(watching, Boolean, { what: 'it watches' });
  return await named();
}

/** Connections that the server has of daemons, by name; those without one are of the lean reader, which has a deadline of its own. */
async function named(): Promise<Record<string, number>> {
  const list = String(await client.client('LIST'));
  const counts: Record<string, number> = {};
  for (const [, name] of list.matchAll(/ name=(\S+)/g)) counts[name!] = (counts[name!] ?? 0) + 1;
  return counts;
}

const settled = (count: number, withinMs = 20_000) =>
  eventually(
    () => client.hget(new Keys('millrace').shard('m', 'shardId-000000000000'), 'n:succeeded'),
    (n) => n === String(count),
    { what: `${count} settled`, withinMs },
  );

test('half-open connections are noticed and made anew, and work goes on', { timeout: 60_000 }, async () => {
  const before = await daemonOverLink();
  link.vanish();
  const from = performance.now();
  const left = (): number => HEARTBEAT_MS + REDIS_SILENCE_MS + RECONNECT_MS - (performance.now() - from);
  expect(link.touched()).toBeGreaterThanOrEqual(5);
  await client.xadd('s', '*', 'data', '2');
  const missing = async () => {
    const now = await named();
    return Object.keys(before).filter((name) => (now[name] ?? 0) < before[name]!);
  };
  // Also those that a blocking read waits on, and those of the lean reader, which have no names and nothing to do.
  await eventually(
    () => link.unnoticed(),
    (n) => n === 0,
    { what: 'all are given up', withinMs: left() },
  );
  await eventually(missing, (names) => names.length === 0, { what: 'all are made anew', withinMs: left() });
  await settled(2, left());
});

test('a server that answers nothing for 2 s keeps its connections', { timeout: 60_000 }, async () => {
  await daemonOverLink();
  const made = async () => /total_connections_received:(\d+)/.exec(await client.info('stats'))?.[1];
  const before = await made();
  // Longer than an idle blocking read lasts, the watch's or the queue's: they may be silent.
  await pause(WATCH_BLOCK_MS + REDIS_SILENCE_MS);
  await client.client('PAUSE', 2_000, 'ALL');
  await client.xadd('s', '*', 'data', '2');
  await settled(2, REDIS_CONNECT_TIMEOUT_MS);
  await pause(REDIS_SILENCE_MS);
  expect(await made()).toBe(before);
});
