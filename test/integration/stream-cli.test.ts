/** `millrace stream` as a user runs it: output, exit codes, and what is there afterwards. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('cli');
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const [S0, S1, S2] = [0, 1, 2].map(shardIdOf) as [string, string, string];

/** Starting a process takes a while on a busy machine. */
const PATIENT = { timeout: 20_000 };
const running = new Set<ChildProcessWithoutNullStreams>();
afterEach(() => running.forEach((child) => child.kill('SIGKILL')));

interface Run {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  stdout: string;
}

function start(...words: string[]): Run {
  const args = [CLI, 'stream', ...words, '--redis', redis.url, '--namespace', 'cli'];
  const child = spawn(process.execPath, args, { stdio: 'pipe' });
  running.add(child);
  child.once('close', () => running.delete(child));
  const run: Run = { child, stdout: '', ended: undefined as unknown as Run['ended'] };
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (run.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  // A command that ends early leaves our input unread.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout: run.stdout, stderr }));
  return Object.assign(run, { ended });
}

function stream(...words: string[]) {
  const run = start(...words);
  run.child.stdin.end();
  return run.ended;
}

function put(input: string, ...words: string[]) {
  const run = start('put', ...words);
  run.child.stdin.end(input);
  return run.ended;
}

const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `{"k":"key-${i % 9}","n":${from + i}}\n`).join('');

describe('millrace stream', () => {
  beforeEach(async () => {
    expect(await stream('create', 'clicks', '--shards', '2')).toMatchObject({
      code: 0,
      stdout: 'created clicks: 2 shards, retention 24 h\n',
    });
  });

  it('create twice, list, describe, split, merge, delete', async () => {
    expect((await stream('create', 'clicks', '--shards', '2')).stdout).toContain('was there already');
    expect(await stream('create', 'clicks', '--shards', '3')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists already, created with 2 shards'),
    });
    expect((await stream('list')).stdout).toBe('clicks\n');

    expect(await stream('split', 'clicks', S0)).toMatchObject({
      code: 0,
      stdout: `clicks: closed ${S0}; opened ${S2}, ${shardIdOf(3)}\n`,
    });
    expect(await stream('merge', 'clicks', S2, S1)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not adjacent'),
    });
    expect((await stream('merge', 'clicks', shardIdOf(3), S1)).code).toBe(0);

    const described = JSON.parse((await stream('describe', 'clicks', '--json')).stdout) as {
      name: string;
      shards: object[];
    };
    expect(Object.keys(described)).toEqual(['name', 'shards']);
    expect(described.shards.map((shard) => Object.keys(shard).join())).toEqual(
      Array(5).fill('shardId,key,parents,hashKeyRange,state,length,firstSequenceNumber,lastSequenceNumber'),
    );
    expect((await stream('describe', 'clicks')).stdout).toContain(`${shardIdOf(4)}  open `);

    expect(await stream('delete', 'clicks')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('5 shards, 0 records, no mapping reads it'),
    });
    expect((await stream('delete', 'clicks', '--yes')).code).toBe(0);
    expect(await redis.client.dbsize()).toBe(0);
    expect(await stream('describe', 'clicks')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('neither a sharded stream nor a Redis key'),
    });
  });

  it('wrong usage is exit 1, a server that is away exit 2', async () => {
    expect((await stream('create', 'x', '--shards', 'many')).code).toBe(1);
    expect((await stream('create')).code).toBe(1);
    expect(await stream('tail', 'clicks', '--from', 'yesterday')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('TRIM_HORIZON'),
    });
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const refused = await stream('create', 'x');
    await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('noeviction') });
  });
});

describe('millrace stream put', () => {
  beforeEach(() => createStream(redis.client, keys, 'clicks', { shards: 2, retentionHours: 24 }).then(() => undefined));
  const count = async () =>
    (await redis.client.xlen(keys.streamShard('clicks', S0))) +
    (await redis.client.xlen(keys.streamShard('clicks', S1)));

  it('puts every line as it is, in order per key', async () => {
    const result = await put(lines(5_000), 'clicks', '--partition-key', 'k');
    expect(result).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^5,000 records accepted by clicks in [\d.]+ s \([\d,]+\/s\)\n$/),
    });
    const entries = [
      ...(await redis.client.xrange(keys.streamShard('clicks', S0), '-', '+')),
      ...(await redis.client.xrange(keys.streamShard('clicks', S1), '-', '+')),
    ];
    const byKey = Map.groupBy(entries, ([, fields]) => fields[1]!);
    expect(byKey.size).toBe(9);
    for (const [key, own] of byKey) {
      const numbers = own.map(([, fields]) => (JSON.parse(fields[3]!) as { n: number }).n);
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => Number(key.slice(4)) + 9 * i));
    }
    expect(entries).toHaveLength(5_000);
  });

  it('ends at a bad line with what came before it accepted, and says where to go on', async () => {
    const result = await put(`${lines(3)}\n\n${lines(2)}{"k":\n${lines(9)}`, 'clicks', '--partition-key', 'k');
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/line 8 is not JSON: .*; 5 records accepted before it\n[^]*tail -n \+8 FILE/);
    expect(await count()).toBe(5);
    const other = await put('{"k":"a"}\n{"j":1}\n', 'clicks', '--partition-key', 'k', '--json');
    expect(JSON.parse(other.stdout)).toEqual({
      ...{ accepted: 1, unknown: 0, nextLine: 2, error: 'record-invalid' },
      seconds: expect.any(Number) as number,
    });
  });

  it('nothing, and a last line without a line feed', async () => {
    expect(await put('', 'clicks')).toMatchObject({ code: 0, stdout: expect.stringContaining('0 records accepted') });
    expect(await put('{"a":1}', 'clicks')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 record accepted'),
    });
    expect(await count()).toBe(1);
  });

  it('says that a name is no sharded stream, and uses the plain key', async () => {
    const result = await put('{"k":"a"}\n{"k":"b"}\n', 'plain', '--partition-key', 'k');
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('no sharded stream') });
    expect((await redis.client.xrange('plain', '-', '+')).map(([, fields]) => fields)).toEqual([
      ['partitionKey', 'a', 'data', '{"k":"a"}'],
      ['partitionKey', 'b', 'data', '{"k":"b"}'],
    ]);
    await redis.client.set('text', 'x');
    expect(await put('{}', 'text')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is a string, not a stream'),
    });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s: an exact prefix, and exit %i', async (signal, code) => {
    const run = start('put', 'clicks', '--partition-key', 'k', '--json');
    run.child.stdin.write(lines(2_000));
    await expect.poll(count, PATIENT).toBe(2_000);
    run.child.kill(signal);
    const result = await run.ended;
    expect(result.code).toBe(code);
    expect(JSON.parse(result.stdout)).toMatchObject({ accepted: 2_000, unknown: 0, nextLine: 2_001, error: null });
    expect(result.stderr).toContain(`ended by ${signal}; 2,000 records accepted`);
  });

  it('a server that falls silent: exit 2, and the lines of which it is not known', async () => {
    const run = start('put', 'clicks', '--partition-key', 'k', '--json', '--timeout', '1');
    run.child.stdin.write(lines(50));
    await expect.poll(count, PATIENT).toBe(50);
    redis.server.kill('SIGSTOP');
    run.child.stdin.end(lines(50, 50));
    const result = await run.ended;
    redis.server.kill('SIGCONT');
    expect(result.code).toBe(2);
    const { accepted, unknown, nextLine } = JSON.parse(result.stdout) as Record<string, number>;
    expect({ accepted, unknown, nextLine }).toEqual({ accepted: 50, unknown: 50, nextLine: 51 });
    expect(result.stderr).toContain('not known whether lines 51 to 100 were');
  });
});

describe('millrace stream tail', () => {
  it('prints what is there, children after parents', async () => {
    await createStream(redis.client, keys, 'clicks', { shards: 1, retentionHours: 24 });
    await put(lines(5), 'clicks', '--partition-key', 'k');
    await splitShard(redis.client, keys, 'clicks', S0);
    await put(lines(5, 5), 'clicks', '--partition-key', 'k');
    const result = await stream('tail', 'clicks', '--from', 'TRIM_HORIZON', '--no-follow');
    const records = result.stdout
      .trimEnd()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { shardId: string; data: { n: number }; sequenceNumber: string; arrival: string },
      );
    expect(records).toHaveLength(10);
    expect(records.slice(0, 5).map(({ shardId, data }) => [shardId, data.n])).toEqual(
      [0, 1, 2, 3, 4].map((n) => [S0, n]),
    );
    expect(new Date(records[0]!.arrival).getTime()).toBe(Number(records[0]!.sequenceNumber.slice(0, -20)));

    const third = await stream('tail', 'clicks', '--from', records[2]!.sequenceNumber, '--shard', S0, '--no-follow');
    expect(third.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(await stream('tail', 'clicks', '--shard', 'shardId-9')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no shard'),
    });
  });

  it('follows a key that does not exist yet, through bytes and plain entries, until it has enough', async () => {
    const run = start('tail', 'feed', '--count', '4');
    // It waits in a blocking read of the missing key.
    await expect.poll(async () => String(await redis.client.client('LIST')).includes('cmd=xread'), PATIENT).toBe(true);
    await redis.client.xadd('feed', '5-1', 'data', '{"a": 1.0}', 'partitionKey', 'p');
    await redis.client.xadd('feed', '5-2', 'data', Buffer.from([255]));
    await redis.client.xadd('feed', '5-3', 'x', '1', 'y', 'é');
    await redis.client.xadd('feed', '5-4', 'data', 'no json');
    const { code, stdout } = await run.ended;
    expect(code).toBe(0);
    const head = (seq: number, key: string) =>
      `{"shardId":"${S0}","sequenceNumber":"${toSequenceNumber(`5-${seq}`)}","partitionKey":"${key}","arrival":"1970-01-01T00:00:00.005Z",`;
    expect(stdout.split('\n')).toEqual([
      `${head(1, 'p')}"data":{"a": 1.0}}`,
      `${head(2, 'feed')}"dataBase64":"/w=="}`,
      `${head(3, 'feed')}"data":{"x":"1","y":"é"}}`,
      `${head(4, 'feed')}"data":"no json"}`,
      '',
    ]);
  });

  it('ends on a signal with exit 0', async () => {
    const run = start('tail', 'feed');
    await expect.poll(async () => String(await redis.client.client('LIST')).includes('cmd=xread'), PATIENT).toBe(true);
    run.child.kill('SIGINT');
    expect(await run.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});
