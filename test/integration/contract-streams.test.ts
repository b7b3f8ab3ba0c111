/** contract.md on sharded streams: what producers in any language, scripts and `status` rely on. */
import { expect, test } from 'vitest';
import { eventually, TEST_CACHE } from '../support/daemon.ts';
import { said, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const stream = (words: string, input = '') =>
  run(MILLRACE, ['stream', ...words.split(' '), '--redis', redis.url], { env: { MILLRACE_CACHE: TEST_CACHE }, input });
const S = [0, 1, 2, 3, 4].map((n) => `shardId-00000000000${n}`) as [string, string, string, string, string];
const HALF = 2n ** 127n;

interface Shard {
  readonly shardId: string;
  readonly state: string;
  readonly lag: number;
  readonly heldBack?: { from: string; overdueMs: number };
}

async function shards(config: string): Promise<Shard[]> {
  const { stdout } = await run(MILLRACE, ['status', '--json', '-c', config], { env: { MILLRACE_CACHE: TEST_CACHE } });
  return (JSON.parse(stdout) as { mappings: { shards: Shard[] }[] }).mappings[0]?.shards ?? [];
}

test('any client writes to a shard’s key; a closed one says so, a deleted one is nil', async () => {
  expect((await stream('create clicks --shards 2')).code).toBe(0);
  expect((await stream('put clicks', 'nonsense\n')).code).toBe(1);
  const described = JSON.parse((await stream('describe clicks --json')).stdout) as { shards: { key: string }[] };
  const key = described.shards[0]!.key;
  const add = () => redis.client.call('XADD', key, 'NOMKSTREAM', '*', 'partitionKey', 'a', 'data', '{"n":1}');
  const [ms, seq] = ((await add()) as string).split('-') as [string, string];
  const sequenceNumber = `${ms}${seq.padStart(20, '0')}`;
  const empty = { length: 0, firstSequenceNumber: null, lastSequenceNumber: null };
  expect(JSON.parse((await stream('describe clicks --json')).stdout)).toEqual({
    name: 'clicks',
    shards: [
      {
        ...{ shardId: S[0], key, parents: [], state: 'open', length: 1 },
        hashKeyRange: { startingHashKey: '0', endingHashKey: String(HALF - 1n) },
        ...{ firstSequenceNumber: sequenceNumber, lastSequenceNumber: sequenceNumber },
      },
      {
        ...{ shardId: S[1], key: expect.any(String) as string, parents: [], state: 'open', ...empty },
        hashKeyRange: { startingHashKey: String(HALF), endingHashKey: String(2n * HALF - 1n) },
      },
    ],
  });
  // A position may be given in either form.
  for (const from of [sequenceNumber, `${ms}-${seq}`]) {
    const { stdout } = await stream(`tail clicks --no-follow --from ${from}`);
    expect(JSON.parse(stdout)).toMatchObject({ shardId: S[0], sequenceNumber, partitionKey: 'a', data: { n: 1 } });
  }
  expect((await stream(`split clicks ${S[0]}`)).code).toBe(0);
  await expect(add()).rejects.toThrow('exhausted the last possible ID');
  await redis.client.del(key);
  expect(await add()).toBeNull();
});

test('children wait for a blocked parent, and status says who keeps records beyond the retention', async () => {
  await stream('create clicks --shards 2');
  const keyOf = (id: string) => `millrace:stream:clicks:${id}`;
  const old = Date.now() - 30 * 3_600_000;
  await redis.client.xadd(keyOf(S[0]), `${old}-0`, 'partitionKey', 'a', 'data', 'bad');
  await redis.client.xadd(keyOf(S[1]), '*', 'partitionKey', 'b', 'data', 'good');
  expect((await stream(`split clicks ${S[0]}`)).code).toBe(0);
  expect((await stream(`merge clicks ${S[3]} ${S[1]}`)).code).toBe(0);
  await redis.client.xadd(keyOf(S[4]), '*', 'partitionKey', 'b', 'data', 'later');
  const w = await world(redis, {
    handler: `export const handler = async (event, context) => {
      say(event, context); if (event.Records.some((r) => Buffer.from(r.kinesis.data, 'base64').toString() === 'bad')) throw new Error('no'); };`,
    source: { stream: 'clicks' },
    mapping: { maximumRecordAgeInSeconds: -1 },
  });
  const daemon = w.start();
  const states = { [S[0]]: 'blocked', [S[1]]: 'closed', [S[4]]: 'pending-parent' };
  const now = await eventually(
    () => shards(w.config),
    (all) => all.filter(({ shardId, state }) => states[shardId] === state || state === 'running').length === 3,
    { what: 'the parent is blocked', everyMs: 200, withinMs: 30_000 },
  );
  const of = (id: string) => now.find(({ shardId }) => shardId === id)!;
  expect(of(S[2]).state).toBe('pending-parent');
  expect(of(S[4])).toMatchObject({ state: 'pending-parent', lag: 1 });
  expect(of(S[0]).heldBack).toEqual({ from: `${old}${'0'.repeat(20)}`, overdueMs: expect.any(Number) as number });
  expect(Math.round(of(S[0]).heldBack!.overdueMs / 3_600_000)).toBe(6);
  expect(of(S[1])).not.toHaveProperty('heldBack');
  await daemon.stop();
  expect(said(daemon).flatMap(({ data }) => data)).not.toContain('later');
  expect(await redis.client.xlen(keyOf(S[0]))).toBe(1);
});
