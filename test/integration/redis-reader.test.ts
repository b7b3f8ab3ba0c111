import net from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { EVENT_BYTES_MAX, READ_AHEAD_BYTES } from '../../src/limits.ts';
import { silentLog } from '../../src/observe/log.ts';
import { AFTER_ALL, BEFORE_ALL } from '../../src/record.ts';
import { RedisReplyError, type RawBatch } from '../../src/redis/reader-batch.ts';
import { parseRedisUrl } from '../../src/redis/address.ts';
import { createReader, type RangeReader, type ReaderOptions } from '../../src/redis/reader.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const open: RangeReader[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((reader) => reader.close()));
});

function reader(url = redis.url, options: Partial<ReaderOptions> = {}): RangeReader {
  const created = createReader(url, { log: silentLog, ...options });
  open.push(created);
  return created;
}

/** The batch as plain entries; a payload that was not kept is its length. */
function entriesOf(batch: RawBatch): { id: string; fields: (string | number)[] }[] {
  return batch.ids.map((id, i) => {
    const fields: (string | number)[] = [];
    for (let t = batch.at[i]!; t < batch.at[i]! + 2 * batch.pairs[i]!; t++) {
      const start = batch.spans[2 * t]!;
      const length = batch.spans[2 * t + 1]!;
      fields.push(start < 0 ? length : batch.buffer.toString('latin1', start, start + length));
    }
    return { id, fields };
  });
}

/** Passes bytes on, and cuts every connection once it has passed on so many bytes of replies since the last call. */
async function cuttingProxy(to: number): Promise<{ port: number; cutAfter(bytes: number): void; close(): void }> {
  let left = Infinity;
  const server = net.createServer((client) => {
    const upstream = net.connect(to, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) client.end(() => upstream.destroy());
    });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return { port, cutAfter: (bytes) => void (left = bytes), close: () => void server.close() };
}

describe('readAfter', () => {
  it('gives records and stream facts of one instant', async () => {
    await redis.client.xadd('s', '1-1', 'a', '1', 'b', '');
    await redis.client.xadd('s', '2-0', 'data', Buffer.from([0, 255, 13, 10, 36]));
    await redis.client.xadd('s', '3-0', 'x', 'y');
    await redis.client.xdel('s', '3-0');
    await redis.client.xadd('s', '4-7', 'x', 'z');
    const batch = await reader().readAfter('s', BEFORE_ALL, 10);
    expect(entriesOf(batch)).toEqual([
      { id: '1-1', fields: ['a', '1', 'b', ''] },
      { id: '2-0', fields: ['data', '\u0000ÿ\r\n$'] },
      { id: '4-7', fields: ['x', 'z'] },
    ]);
    expect(batch.cut).toBe(false);
    expect(batch.stream).toEqual({
      exists: true,
      length: 3,
      entriesAdded: 4,
      firstId: '1-1',
      lastId: '4-7',
      lastGeneratedId: '4-7',
      maxDeletedId: '3-0',
    });
  });

  it('begins after the position, ends at the bound, and keeps to the count', async () => {
    for (let i = 1; i <= 9; i++) await redis.client.xadd('s', `${i}-0`, 'n', String(i));
    const ids = async (...args: [string, number, string?]) => (await reader().readAfter('s', ...args)).ids;
    expect(await ids('3-0', 3)).toEqual(['4-0', '5-0', '6-0']);
    expect(await ids('3-0', 100, '5-0')).toEqual(['4-0', '5-0']);
    expect(await ids('9-0', 10)).toEqual([]);
    expect(await ids(AFTER_ALL, 10)).toEqual([]);
  });

  it('tells a missing key, an emptied stream and a wrong type apart', async () => {
    const missing = await reader().readAfter('nowhere', BEFORE_ALL, 10);
    expect(missing).toMatchObject({ count: 0, stream: { exists: false, length: 0 } });
    await redis.client.xadd('emptied', '5-0', 'a', 'b');
    await redis.client.xtrim('emptied', 'MAXLEN', 0);
    const emptied = await reader().readAfter('emptied', BEFORE_ALL, 10);
    expect(emptied).toMatchObject({
      count: 0,
      stream: { exists: true, length: 0, entriesAdded: 1, firstId: null, lastId: null, lastGeneratedId: '5-0' },
    });
    await redis.client.set('text', 'x');
    await expect(reader().readAfter('text', BEFORE_ALL, 10)).rejects.toThrow(RedisReplyError);
    await expect(reader().readAfter('text', BEFORE_ALL, 10)).rejects.toThrow(/WRONGTYPE/);
  });

  it('keeps replies apart when many requests are in flight', async () => {
    const pipeline = redis.client.pipeline();
    for (let k = 0; k < 40; k++) {
      for (let i = 1; i <= k * 5; i++) pipeline.xadd(`s${k}`, `${i}-${k}`, 'v', 'x'.repeat((i * 37) % 700));
    }
    await pipeline.exec();
    const shared = reader();
    const batches = await Promise.all(
      Array.from({ length: 40 }, (_, k) => shared.readAfter(`s${k}`, BEFORE_ALL, 1000)),
    );
    batches.forEach((batch, k) => {
      expect(batch.count).toBe(k * 5);
      entriesOf(batch).forEach(({ id, fields }, i) => {
        expect(id).toBe(`${i + 1}-${k}`);
        expect(fields).toEqual(['v', 'x'.repeat(((i + 1) * 37) % 700)]);
      });
    });
  });

  it('goes on after a server error in the middle of a pipeline', async () => {
    await redis.client.set('text', 'x');
    await redis.client.xadd('s', '1-0', 'a', 'b');
    const shared = reader();
    const [a, b, c] = await Promise.allSettled(['s', 'text', 's'].map((key) => shared.readAfter(key, BEFORE_ALL, 5)));
    expect([a!.status, b!.status, c!.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

describe('bounds', () => {
  it('does not keep a payload that no event can hold, and still names the record', async () => {
    const huge = Buffer.alloc(EVENT_BYTES_MAX + 1, 'h');
    await redis.client.xadd('s', '1-0', 'data', huge, 'after', 'it');
    await redis.client.xadd('s', '2-0', 'data', 'small');
    const shared = reader();
    const first = await shared.readAfter('s', BEFORE_ALL, 10);
    expect(entriesOf({ ...first, ids: first.ids.slice(0, 1) })[0]).toEqual({
      id: '1-0',
      fields: ['data', huge.length, 'after', 'it'],
    });
    expect(first.buffer.length).toBeLessThan(10_000);
    expect(entriesOf(await shared.readAfter('s', '1-0', 10))).toEqual([{ id: '2-0', fields: ['data', 'small'] }]);
  });

  it('cuts the batch before a record whose payload was not kept', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 'm');
    for (let i = 1; i <= 20; i++) await redis.client.xadd('s', `${i}-0`, 'data', megabyte);
    const shared = reader();
    const seen: string[] = [];
    for (let after = BEFORE_ALL; ;) {
      const batch = await shared.readAfter('s', after, 1000);
      expect(batch.buffer.length).toBeLessThan(READ_AHEAD_BYTES + 2 * megabyte.length);
      expect(batch.stream).toMatchObject({ length: 20, firstId: '1-0', lastId: '20-0' });
      for (const { id, fields } of entriesOf(batch)) {
        expect(fields[1]).toHaveLength(megabyte.length);
        seen.push(id);
      }
      after = batch.ids.at(-1)!;
      if (!batch.cut) break;
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}-0`));
  });
});

describe('the connection', () => {
  it('logs in, selects the database and decodes both from the URL', async () => {
    await redis.client.acl('SETUSER', 'reader', 'on', '>p@ss/word', 'allkeys', '+@all');
    await redis.client.select(3);
    await redis.client.xadd('s', '1-0', 'a', 'b');
    await redis.client.select(0);
    const url = `redis://reader:${encodeURIComponent('p@ss/word')}@127.0.0.1:${redis.server.port}/3`;
    expect((await reader(url).readAfter('s', BEFORE_ALL, 1)).count).toBe(1);
    const wrong = reader(`redis://reader:wrong@127.0.0.1:${redis.server.port}`, { timeoutMs: 300 });
    await expect(wrong.readAfter('s', BEFORE_ALL, 1)).rejects.toThrow(/WRONGPASS/);
    await redis.client.acl('DELUSER', 'reader');
  });

  it('rejects everything in flight when it is cut in the middle of a reply, and then reads again by itself', async () => {
    for (let i = 1; i <= 100; i++) await redis.client.xadd('s', `${i}-0`, 'data', 'x'.repeat(100));
    const proxy = await cuttingProxy(redis.server.port);
    const shared = reader(`redis://127.0.0.1:${proxy.port}`);
    expect((await shared.readAfter('s', BEFORE_ALL, 100)).count).toBe(100);
    proxy.cutAfter(5_000);
    const inFlight = [1, 2, 3].map(() => shared.readAfter('s', BEFORE_ALL, 100));
    for (const result of await Promise.allSettled(inFlight)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'redis-unreachable' } });
    }
    proxy.cutAfter(Infinity);
    expect((await shared.readAfter('s', BEFORE_ALL, 100)).count).toBe(100);
    await shared.close();
    proxy.close();
  });

  it('gives a request up after its time when the server is silent, and tells so', async () => {
    const silent = net.createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as net.AddressInfo;
    const stuck = reader(`redis://127.0.0.1:${port}`, { timeoutMs: 150 });
    await expect(stuck.readAfter('s', BEFORE_ALL, 1)).rejects.toThrow(/no reply within 150 ms/);
    await stuck.close();
    silent.close();
  });

  it('waits for a server that is not there yet, up to the time given', async () => {
    const gone = reader('redis://127.0.0.1:1', { timeoutMs: 200 });
    await expect(gone.readAfter('s', BEFORE_ALL, 1)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('rejects everything once it is closed', async () => {
    const shared = reader();
    const pending = shared.readAfter('s', BEFORE_ALL, 1);
    await Promise.all([expect(pending).rejects.toMatchObject({ code: 'redis-unreachable' }), shared.close()]);
    await expect(shared.readAfter('s', BEFORE_ALL, 1)).rejects.toMatchObject({ code: 'redis-unreachable' });
  });

  it('reads its address from the URL and never repeats one it does not understand', () => {
    expect(parseRedisUrl('rediss://u:p%40@[::1]:7000/2')).toEqual({
      host: '::1',
      port: 7000,
      tls: true,
      username: 'u',
      password: 'p@',
      db: 2,
    });
    expect(parseRedisUrl('redis://host')).toEqual({ host: 'host', port: 6379, tls: false, db: 0 });
    expect(parseRedisUrl('unix:///run/redis.sock?db=1')).toMatchObject({ path: '/run/redis.sock', db: 1 });
    expect(() => parseRedisUrl('http://:hush@host')).toThrow(/^the Redis URL is not understood$/);
  });
});
