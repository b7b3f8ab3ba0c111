/** contract.md, "Failure notices" and "status --json" of a shard that cannot give anything up, on a running daemon. */
import { expect, test } from 'vitest';
import { eventually, TEST_CACHE } from '../support/daemon.ts';
import { add, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const FAILS = `export const handler = async () => { throw new RangeError('no good'); };`;
const POLICY = { maximumRetryAttempts: 0, batchSize: 1 };

interface Shard {
  readonly state: string;
  readonly why?: string;
  readonly lag: number;
  readonly settled: Record<string, number>;
  readonly blocked: Record<string, unknown> | null;
}

/** Undefined until the daemon has begun with it. */
async function shard(config: string): Promise<Shard | undefined> {
  const { stdout } = await run(MILLRACE, ['status', '--json', '-c', config], { env: { MILLRACE_CACHE: TEST_CACHE } });
  return (JSON.parse(stdout) as { mappings: { shards: Shard[] }[] }).mappings[0]?.shards[0];
}

test('a notice is AWS’s OnFailure record, in its order, in the stream that onFailure names', async () => {
  const w = await world(redis, {
    handler: FAILS,
    mapping: { ...POLICY, destinationConfig: { onFailure: { type: 'redis-stream', stream: 'failed' } } },
  });
  const [id] = await add(w.redis, 's', ['a']);
  const daemon = w.start();
  await eventually(
    () => w.redis.xlen('failed'),
    (n) => n === 1,
    { what: 'the notice' },
  );
  await daemon.stop();
  expect(await w.redis.exists(w.keys.failures('m'))).toBe(0);
  const [[, fields]] = (await w.redis.xrange('failed', '-', '+')) as [[string, string[]]];
  expect(fields).toHaveLength(2);
  expect(fields[0]).toBe('notice');
  const notice = JSON.parse(fields[1]!) as Record<string, Record<string, unknown>>;
  const [ms, seq] = id!.split('-') as [string, string];
  const position = `${ms}${seq.padStart(20, '0')}`;
  const arrival = new Date(Number(ms)).toISOString();
  expect(notice).toEqual({
    requestContext: {
      requestId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
      functionArn: expect.stringMatching(/:function:f$/) as string,
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 1,
    },
    responseContext: { statusCode: 200, executedVersion: expect.any(String) as string, functionError: 'Unhandled' },
    version: '1.0',
    payload: expect.any(String) as string,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/) as string,
    KinesisBatchInfo: {
      shardId: 'shardId-000000000000',
      startSequenceNumber: position,
      endSequenceNumber: position,
      approximateArrivalOfFirstRecord: arrival,
      approximateArrivalOfLastRecord: arrival,
      batchSize: 1,
      streamArn: 'arn:millrace:redis:::stream/s',
    },
    mapping: 'm',
    functionVersion: expect.stringMatching(/^[\da-f]{64}$/) as string,
    error: { errorType: 'RangeError', errorMessage: 'no good' },
  });
  const AWS = ['requestContext', 'responseContext', 'version', 'payload', 'timestamp', 'KinesisBatchInfo'];
  expect(Object.keys(notice).slice(0, 6)).toEqual(AWS);
  const payload = JSON.parse(notice['payload'] as unknown as string) as { Records: { eventID: string }[] };
  expect(payload.Records.map(({ eventID }) => eventID)).toEqual([`shardId-000000000000:${position}`]);
});

test('at its bound the failure stream blocks the shard; old notices make room, and nothing went without one', async () => {
  const w = await world(redis, { handler: FAILS, mapping: { ...POLICY, failureStreamMaxBytes: 1024 * 1024 } });
  // Of the last days, so they stay; what is older than 14 days is not counted on.
  const recent = Date.now() - 13 * 24 * 3_600_000;
  for (let i = 0; i < 11; i++) {
    await w.redis.xadd(w.keys.failures('m'), `${recent + i}-0`, 'notice', 'x'.repeat(100_000));
  }
  await add(w.redis, 's', ['a', 'b']);
  const daemon = w.start();
  const full = await eventually(
    () => shard(w.config),
    (now) => now?.why !== undefined,
    { what: 'the shard waits', everyMs: 200 },
  );
  expect(full).toMatchObject({
    ...{ state: 'blocked', why: 'failure-stream-full', lag: 2 },
    settled: { givenUp: 0, succeeded: 0 },
    blocked: { recordsInUnit: 1, recordsBehind: 1, attempts: expect.any(Number) as number },
  });
  expect(await w.redis.xlen(w.keys.failures('m'))).toBe(11);
  // The same notices, but three weeks old.
  await w.redis.del(w.keys.failures('m'));
  for (let i = 0; i < 11; i++) {
    const old = recent - 8 * 24 * 3_600_000 + i;
    await w.redis.xadd(w.keys.failures('m'), `${old}-0`, 'notice', 'x'.repeat(100_000));
  }
  await eventually(
    () => w.state(),
    (s) => s['n:givenUp'] === '2',
    { what: 'both given up', withinMs: 60_000 },
  );
  await daemon.stop();
  expect((await w.notices()).map((notice) => notice.KinesisBatchInfo.batchSize)).toEqual([1, 1]);
  expect(await shard(w.config)).toMatchObject({ state: 'idle', lag: 0, settled: { givenUp: 2 }, blocked: null });
});
