/** What functions return, into a stream of another Redis: through the shard's outbox, each entry once, on two real servers. */
import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { afterEach, describe, expect, test } from 'vitest';
import { createExactOutput } from '../../connectors/redis-stream/exact-output.ts';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { readTopology } from '../../connectors/redis-stream/topology.ts';
import { ExactWay } from '../../src/daemon/exact-way.ts';
import { OUTPUT_PIECE_ENTRIES } from '../../src/limits.ts';
import { silentLog } from '../../src/observe/log.ts';
import { collectStatus } from '../../src/observe/status.ts';
import type { OutgoingEntry } from '../../src/outbox.ts';
import { freePort, startRedisServer } from '../../src/redis/server.ts';
import { Keys } from '../../src/redis/keys.ts';
import { SharedConnections } from '../../src/redis/shared-connections.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const own = useRedis();
const west = useRedis();
const keys = new Keys('millrace');
const STREAM = 'to the west';
const opened: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of opened.splice(0).toReversed()) await end();
});

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));

/** Twice somebody waits ten seconds for a server that is away: the sender, and `validate --connect`. */
const PATIENT = { timeout: 120_000 };

describe('an output to another Redis', () => {
  const HANDLER = `export const handler = async (event) => ({ output: event.Records.map((record) => ({
    itemIdentifier: record.kinesis.sequenceNumber, headers: { kind: 'é', origin: 'mine' },
    ...(record.kinesis.data === 'NQ==' ? { dataBase64: '/wCA' } : { data: { is: Number(Buffer.from(record.kinesis.data, 'base64')) } }) })) });`;

  async function world(url: string, more: object = {}) {
    const yaml = stringify({
      redis: own.url,
      connections: { west: { type: 'redis', url } },
      functions: { f: { code: 'handler.mjs', handler: 'handler' } },
      mappings: {
        m: {
          ...{ function: 'f', startingPosition: 'TRIM_HORIZON', batchSize: 10 },
          source: { type: 'redis-stream', stream: 'in' },
          output: { type: 'redis-stream', connection: 'west', stream: STREAM, ...more },
        },
      },
    });
    const dir = await configDir({ 'millrace.yaml': yaml, 'handler.mjs': HANDLER });
    const config = `${dir}/millrace.yaml`;
    return {
      start: () => startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE }, args: [] }),
      cli: async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await run(MILLRACE, [...args, '-c', config]);
        return [code, stdout + stderr] as const;
      },
    };
  }
  const add = async (values: readonly string[]) => {
    for (const data of values) await own.client.xadd('in', '*', 'partitionKey', `k${Number(data) % 5}`, 'data', data);
  };
  const look = async () => (await collectStatus(own.client, keys)).mappings.find(({ name }) => name === 'm');
  const patiently = <T>(ask: () => Promise<T>, enough: (answer: T) => boolean, what: string) =>
    eventually(ask, enough, { withinMs: 60_000, everyMs: 25, what });
  const sentAll = (count: number) =>
    patiently(
      async () => ({ there: await west.client.xlen(STREAM), shards: (await look())?.shards ?? [] }),
      ({ there, shards }) => there >= count && shards.length > 0 && shards.every((one) => !one.unsent),
      'all is sent',
    );

  test('has what the settle would have appended: key, bytes, headers, origin, in order', async () => {
    await add(numbers(60));
    const w = await world(west.url);
    const daemon = w.start();
    await sentAll(60);
    const got = await west.client.xrangeBuffer(STREAM, '-', '+');
    expect(got).toHaveLength(60);
    got.forEach(([, fields], n) => {
      expect(fields.filter((_, i) => i % 2 === 0).map(String)).toEqual(['partitionKey', 'data', 'origin', 'headers']);
      const [key, data, origin, headers] = fields.filter((_, i) => i % 2 === 1);
      expect(String(key)).toBe(`k${n % 5}`);
      expect(data).toEqual(n === 5 ? Buffer.from([255, 0, 128]) : Buffer.from(JSON.stringify({ is: n })));
      expect(String(origin)).toMatch(/^m\/shardId-000000000000\/1\/\d+\/0$/);
      expect(JSON.parse(String(headers))).toEqual({ kind: 'é', origin: 'mine' });
    });
    const output = { type: 'redis-stream', connection: 'west', stream: STREAM, unsettled: 0, waitsFor: null };
    expect(await look()).toMatchObject({ output });
    expect(await daemon.stop()).toBe(0);
    const [code, said] = await w.cli('validate', '--connect');
    expect([code, said]).toEqual([0, expect.not.stringContaining('west')]);
    const forgotten = await w.cli('mapping', 'forget', 'm', '--yes');
    expect(forgotten[0]).toBe(0);
  });

  test(
    'that is away is waited for: the shard waits at its bound, status says for whom, and all comes once it is there',
    PATIENT,
    async () => {
      const port = await freePort();
      await add(numbers(100));
      const w = await world(`redis://127.0.0.1:${port}`, { maxUnsettled: 30 });
      const daemon = w.start();
      const waiting = await patiently(
        look,
        (now) => now?.output?.waitsFor != null && !!now.shards[0]?.unsent?.lastError,
        'somebody who waits',
      );
      expect(waiting!.output).toMatchObject({ maxUnsettled: 30, waitsFor: `west/${STREAM}` });
      expect(waiting!.shards[0]!.unsent!.lastError).toContain(`redis://127.0.0.1:${port} does not answer`);
      expect((await w.cli('status'))[1]).toContain(`waits for west/${STREAM}`);
      const unreachable = await w.cli('validate', '--connect');
      expect(unreachable).toEqual([2, expect.stringContaining(`:${port} does not answer`)]);
      expect(await daemon.stop()).toBe(0);
      const refused = await w.cli('mapping', 'forget', 'm', '--yes');
      expect(refused).toEqual([1, expect.stringContaining('messages of m')]);
      const server = await startRedisServer({ dir: await configDir({}), port });
      opened.push(() => server.stop());
      const client = new Redis(server.url);
      opened.push(() => Promise.resolve(client.disconnect()));
      await client.set(STREAM, 'no stream');
      w.start();
      await patiently(
        look,
        (now) => now?.shards[0]?.unsent?.lastError?.includes('is a string, not a stream') === true,
        'a name that is no stream',
      );
      await client.del(STREAM);
      await patiently(
        () => client.xlen(STREAM),
        (length) => length === 100,
        'all of it',
      );
      const got = await client.xrange(STREAM, '-', '+');
      const values = got.map(([, fields]) => fields[3]!).filter((_, n) => n !== 5);
      expect(values).toEqual(numbers(100).flatMap((n) => (n === '5' ? [] : [JSON.stringify({ is: Number(n) })])));
    },
  );

  test('has one connection for all shards of a daemon, which ends with it', async () => {
    await createStream(own.client, keys, 'in', { shards: 6, retentionHours: 24 });
    const { shards } = (await readTopology(own.client, keys, 'in'))!;
    const { start } = await world(west.url);
    const daemon = start();
    for (const { key } of shards) for (const n of numbers(5)) await own.client.xadd(key, '*', 'data', n);
    await eventually(
      () => west.client.xlen(STREAM),
      (length) => length === 30,
      { what: 'all of it' },
    );
    expect(await connected()).toBe(1);
    expect(await daemon.stop()).toBe(0);
    await eventually(connected, (count) => count === 0, { what: 'it is gone' });
  });
});

/** Connections that daemons, or senders of this file, have to the other Redis for outputs. */
const connected = async () => String(await west.client.client('LIST')).match(/ name=millrace:outputs /g)?.length ?? 0;

describe('a shard’s way into a stream of another Redis', () => {
  const connections = new SharedConnections();
  const entries = (from: number, count: number): OutgoingEntry[] =>
    numbers(count, from).map((n) => ({
      ...{ mark: `mark ${n}`, partitionKey: `k${Number(n) % 7}`, headers: [], origin: n, data: Buffer.from(n) },
    }));
  const open = (name = 'x', url = west.url, log = silentLog) => {
    const way = new ExactWay(createExactOutput({ url, connections, keys, stream: 'out', name, log }));
    opened.push(() => way.close());
    /** As who empties an outbox does: where it is to be read again, these are what is in it. */
    const send = async (given: readonly OutgoingEntry[]) => {
      while (!(await way.send(given)));
    };
    return { send, close: () => way.close() };
  };
  const originsIn = async (...streams: readonly string[]) => {
    const all = await Promise.all(streams.map((stream) => west.client.xrange(stream, '-', '+')));
    return all.map((got) => got.map(([, fields]) => Number(fields[fields.indexOf('origin') + 1])));
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

  test('takes what it has no second time, whoever sends it, and in the middle of what it has', async () => {
    const [first, second] = [open(), open()];
    await first.send(entries(0, 10));
    await second.send(entries(0, 10));
    await second.send(entries(5, 10));
    await expect(first.send(entries(15, 5))).rejects.toThrow('another daemon has sent');
    await first.send(entries(10, 10));
    // What one of another shard sends is no business of theirs.
    await open('y').send(entries(20, 5));
    expect(await originsIn('out')).toEqual([upTo(25)]);
    expect(await west.client.hgetall(keys.forwarded('x', 'out'))).toEqual({ last: 'mark 19', count: '20' });
  });

  test('refuses what was on its way when others went past it', async () => {
    const late = createExactOutput({ url: west.url, connections, keys, stream: 'out', name: 'x', log: silentLog });
    opened.push(() => late.close());
    expect(await late.last()).toBe(null);
    await open().send(entries(0, 10));
    // It takes nothing to be there yet, as one that was stopped between its question and its answer.
    await expect(late.send(entries(0, 10), null)).rejects.toThrow('another daemon has sent');
    expect(await late.last()).toBe('mark 9');
    expect(await originsIn('out')).toEqual([upTo(10)]);
  });

  test('goes in pieces, and the next sender goes on behind the last piece that came', async () => {
    const count = 2 * OUTPUT_PIECE_ENTRIES + 10;
    await open().send(entries(0, count));
    expect(await originsIn('out')).toEqual([upTo(count)]);
    await west.client.del('out', keys.forwarded('x', 'out'));
    // The second piece has an entry that no server takes.
    const tooMuch = entries(0, count).with(OUTPUT_PIECE_ENTRIES + 5, {
      ...entries(0, 1)[0]!,
      data: Buffer.alloc(2 * 1024 * 1024),
    });
    await west.client.config('SET', 'proto-max-bulk-len', '1mb');
    await expect(open().send(tooMuch)).rejects.toThrow();
    await west.client.config('SET', 'proto-max-bulk-len', '512mb');
    await open().send(entries(0, count));
    expect(await originsIn('out')).toEqual([upTo(count)]);
  });

  test('chooses the shard by the key, and routes anew when the target was split meanwhile', async () => {
    await createStream(west.client, keys, 'out', { shards: 2, retentionHours: 24 });
    const sender = open();
    await sender.send(entries(0, 70));
    const [first] = (await readTopology(west.client, keys, 'out'))!.shards;
    await splitShard(west.client, keys, 'out', first!.shardId);
    await sender.send(entries(70, 70));
    await open().send(entries(0, 140));
    const { shards } = (await readTopology(west.client, keys, 'out'))!;
    const got = await originsIn(...shards.map(({ key }) => key));
    expect(got.flat().toSorted((a, b) => a - b)).toEqual(upTo(140));
    for (const each of got) expect(each).toEqual(each.toSorted((a, b) => a - b));
    // A key's entries are in one shard, and after the split in one.
    const after = got.map((each) => new Set(each.filter((n) => n >= 70).map((n) => n % 7)));
    expect(after.reduce((sum, { size }) => sum + size, 0)).toBe(7);
    expect(after[0]).toEqual(new Set());
  });

  test('says what keeps it out, and goes on when that is mended', async () => {
    const sender = open();
    await west.client.config('SET', 'maxmemory', '1');
    await expect(sender.send(entries(0, 5))).rejects.toThrow('at its maxmemory');
    await west.client.config('SET', 'maxmemory', '0');
    await west.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(open().send(entries(0, 5))).rejects.toThrow('maxmemory-policy allkeys-lru');
    await west.client.config('SET', 'maxmemory-policy', 'noeviction');
    await west.client.set('out', 'text');
    await expect(open().send(entries(0, 5))).rejects.toThrow('is a string, not a stream');
    await west.client.del('out');
    await sender.send(entries(0, 5));
    expect(await originsIn('out')).toEqual([upTo(5)]);
  });

  test('needs no more of an ACL than docs/pipelines.md says, and says what is missing', async () => {
    const document = await readFile(new URL('../../docs/pipelines.md', import.meta.url), 'utf8');
    const [, listed] = /With ACLs the login needs (.*?) on the stream/.exec(document)!;
    const commands = [...listed!.matchAll(/`(\w+)`/g)].map(([, name]) => `+${name!.toLowerCase()}`);
    await west.client.call('ACL', ['SETUSER', 'sender', 'on', '>secret', '~out', '~millrace:*', '-@all', ...commands]);
    opened.push(() => west.client.call('ACL', ['DELUSER', 'sender']));
    const url = west.url.replace('//', '//sender:secret@');
    await open('x', url).send(entries(0, 5));
    await west.client.del('out');
    await createStream(west.client, keys, 'out', { shards: 2, retentionHours: 24 });
    await open('y', url).send(entries(0, 5));
    await west.client.call('ACL', ['SETUSER', 'sender', '-xadd']);
    await expect(open('x', url).send(entries(5, 5))).rejects.toThrow('the ACL refuses XADD on');
  });

  test('of a server that lost its last writes, misses what it had acknowledged, has nothing twice, and says so', async () => {
    const errors: unknown[][] = [];
    const sender = open('x', west.url, { ...silentLog, error: (...said: unknown[]) => void errors.push(said) });
    await sender.send(entries(0, 10));
    const position = await west.client.dumpBuffer(keys.forwarded('x', 'out'));
    const stream = await west.client.dumpBuffer('out');
    await sender.send(entries(10, 10));
    await west.client.restore('out', 0, stream, 'REPLACE');
    await west.client.restore(keys.forwarded('x', 'out'), 0, position, 'REPLACE');
    // What was acknowledged is not in the outbox any more.
    await expect(sender.send(entries(20, 5))).rejects.toThrow('another daemon has sent');
    await sender.send(entries(20, 5));
    expect(await originsIn('out')).toEqual([[...upTo(10), 20, 21, 22, 23, 24]]);
    expect(errors).toEqual([
      [{ stream: 'out', name: 'x', lost: 10 }, 'the Redis of an output lost entries that it had acknowledged'],
    ]);
  });

  test('shares its connection with others, and breaks it for them once at most', async () => {
    const [first, second, third] = [open('x'), open('y'), open('z')];
    await Promise.all([first.send(entries(0, 5)), second.send(entries(0, 5)), third.send(entries(0, 5))]);
    expect(await connected()).toBe(1);
    // An entry at which the server hangs up.
    const tooMuch = { ...entries(5, 1)[0]!, data: Buffer.alloc(2 * 1024 * 1024) };
    await west.client.config('SET', 'proto-max-bulk-len', '1mb');
    opened.push(() => west.client.config('SET', 'proto-max-bulk-len', '512mb'));
    await expect(first.send([tooMuch])).rejects.toThrow();
    for (const other of [second, third]) await other.send(entries(5, 5)).catch(() => other.send(entries(5, 5)));
    for (const n of [10, 15, 20]) {
      const others = [second.send(entries(n, 5)), third.send(entries(n, 5))];
      await expect(first.send([tooMuch])).rejects.toThrow();
      await Promise.all(others);
    }
    await west.client.config('SET', 'proto-max-bulk-len', '512mb');
    for (const each of [first, second, third]) await each.send(entries(25, 5));
    for (const each of [first, second, third]) await each.send(entries(30, 5));
    await eventually(connected, (count) => count === 1, { what: 'all are on one again' });
    await first.close();
    await second.close();
    expect(await connected()).toBe(1);
    await third.close();
    await eventually(connected, (count) => count === 0, { what: 'the last one ended it' });
  });
});
