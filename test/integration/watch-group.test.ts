/** The watch's own connection when its server is gone: whoever ends it waits for no connection to be made (I11). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../src/observe/log.ts';
import { startRedisServer } from '../../src/redis/server.ts';
import { systemClock } from '../../src/time.ts';
import { WatchGroup } from '../../src/watch/group.ts';
import { eventually } from '../support/daemon.ts';

/** Far more than an end takes; the connection is made again in an hour. */
const PATIENCE_MS = 10_000;
const RECONNECT_MS = 3_600_000;

test('a watch that waits to reconnect ends at once', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-watch-'));
  const server = await startRedisServer({ dir, appendfsync: 'no' });
  const open = () => {
    const redis = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => RECONNECT_MS });
    redis.on('error', () => undefined);
    return redis;
  };
  const [connection, control, other] = [open(), open(), open()];
  onTestFinished(async () => {
    for (const redis of [connection, control, other]) redis.disconnect();
    server.kill('SIGKILL');
    await server.exited;
    await rm(dir, { recursive: true, force: true });
  });
  const found: string[] = [];
  const group = new WatchGroup({
    ...{ connection, control, clock: systemClock },
    log: silentLog,
    onRecord: (watch) => found.push(watch.id),
  });
  group.add({ id: 'm', key: 's', after: '0-0' });
  const blocked = async () => String(await other.client('LIST'));
  await eventually(blocked, (list) => list.includes('cmd=xread'), { what: 'the read is blocked', withinMs: 10_000 });
  server.kill('SIGKILL');
  await server.exited;
  await eventually(
    () => Promise.resolve(connection.status),
    (status) => status === 'reconnecting',
    {
      what: 'the connection is to be made again',
      withinMs: 10_000,
    },
  );
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, 'it waits').unref());
  const ended = Promise.resolve()
    .then(() => group.close())
    .then(() => 'ended');
  expect(await Promise.race([ended, patience])).toBe('ended');
  expect(found).toEqual([]);
});
