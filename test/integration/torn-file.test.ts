/** A Redis that was killed twice in the middle of a transaction, and `millrace dev` on what it left. */
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../src/redis/connect.ts';
import { findRedis } from '../../src/redis/find.ts';
import { openPrivateRedis } from '../../src/redis/private.ts';
import { type RedisServer, startRedisServer } from '../../src/redis/server.ts';
import { ROOT } from '../support/house/files.ts';

const said: string[] = [];
const find = { stateDir: path.join(ROOT, '.millrace'), say: (text: string) => void said.push(text) };
const command = (...words: string[]) => `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`;

async function on<T>(
  server: RedisServer,
  use: (redis: Awaited<ReturnType<typeof connectRedis>>) => Promise<T>,
): Promise<T> {
  const redis = await connectRedis(server.url, { role: 'test' });
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** A directory whose file ends with a MULTI, one whole command of it, and half of another one. */
async function tornDirectory(): Promise<string> {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'millrace-torn-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  const dir = path.join(stateDir, 'redis');
  const { binary } = await findRedis(find);
  const server = await startRedisServer({ dir, binary, appendfsync: 'always' });
  await on(server, (redis) => redis.set('before', '1'));
  server.kill('SIGKILL');
  await server.exited;
  const files = path.join(dir, 'appendonlydir');
  const last = readdirSync(files).find((name) => name.endsWith('.incr.aof'))!;
  const torn = command('MULTI') + command('INCR', 'torn') + command('INCR', 'never').slice(0, 12);
  appendFileSync(path.join(files, last), torn);
  return stateDir;
}

test('what was half written is cut, so that the next transaction is carried out alone', async () => {
  const stateDir = await tornDirectory();
  said.length = 0;
  const first = await openPrivateRedis({ stateDir, binaryDir: find.stateDir, say: find.say });
  await on(first, async (redis) => {
    await redis.multi().set('after', '1').exec();
    expect(await redis.keys('*')).toEqual(expect.arrayContaining(['before', 'after']));
  });
  await first.stop();
  expect(said).toEqual([expect.stringContaining('half written is cut off')]);

  // Its file is whole now: nothing is said, and nothing of the torn transaction comes back with the one behind it.
  said.length = 0;
  const second = await openPrivateRedis({ stateDir, binaryDir: find.stateDir, say: find.say });
  expect(await on(second, (redis) => redis.keys('*').then((keys) => keys.sort()))).toEqual(['after', 'before']);
  await second.stop();
  expect(said).toEqual([]);
}, 60_000);

test('what no tool can mend is not started on', async () => {
  const stateDir = await tornDirectory();
  const files = path.join(stateDir, 'redis', 'appendonlydir');
  const last = readdirSync(files).find((name) => name.endsWith('.incr.aof'))!;
  rmSync(path.join(files, last));
  await expect(openPrivateRedis({ stateDir, binaryDir: find.stateDir, say: find.say })).rejects.toMatchObject({
    code: 'redis-unreachable',
    hint: expect.stringMatching(/check-aof cannot mend/) as string,
  });
}, 60_000);
