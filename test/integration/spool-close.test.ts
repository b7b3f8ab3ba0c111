/** Closing a spooled shard, step by step on a real server: never before everything is settled, never without its notice, once. */
import { expect, it } from 'vitest';
import { openFeed } from '../../src/daemon/feeding.ts';
import type { MappingConfig } from '../../src/mapping/types.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Keys } from '../../src/redis/keys.ts';
import { openSpools } from '../../src/shard/spool.ts';
import type { Source } from '../../src/source/port.ts';
import type { SpoolRecord, Spools } from '../../src/spool.ts';
import { HOUR, systemClock } from '../../src/time.ts';
import type { TurnSettings } from '../../src/turn/settings.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const state = keys.shard('m', 't-1');

const record = (position: number): SpoolRecord => ({
  ...{ position, arrivalMs: 1_000, timestamp: '1000', flags: 0, headers: '[]' },
  ...{ key: Buffer.from('k'), value: Buffer.from('v') },
});

async function spoolOfTwo() {
  const spools = openSpools({
    ...{ redis: redis.client, keys, mapping: 'm', monoMs: () => performance.now() },
    failures: () => ({ stream: 'failures', bytesMax: 1e6 }),
    notice: (shardId, loss) => JSON.stringify({ shardId, ...loss }),
  });
  await spools.begin('t-1', 0, 0);
  const { hold } = (await spools.claim('t-1', 'old'))!;
  await spools.append(hold, { after: 0, next: 2, end: 5, records: [record(0), record(1)] });
  return { spools, hold };
}

const LOSS = { condition: 'SourceGap', first: 2, last: 4 } as const;

it('waits for what is unsettled, unmoved or open, and for its notice, then happens once, and fences whoever had a turn', async () => {
  const { spools, hold } = await spoolOfTwo();
  expect(await spools.close(hold, LOSS)).toEqual({ kind: 'unsettled' });
  await redis.client.hset(state, 'cp', '2-0', 'epoch', '7', 'owner', 'd1', 'nonce', 'n');
  for (const field of ['out', 'win']) {
    await redis.client.hset(state, field, '1');
    expect(await spools.close(hold, LOSS)).toEqual({ kind: 'unsettled' });
    await redis.client.hdel(state, field);
  }
  await redis.client.set('failures', 'no stream');
  expect(await spools.close(hold, LOSS)).toMatchObject({ kind: 'refused' });
  expect(await redis.client.hget(state, 'done')).toBe('');
  await redis.client.del('failures');
  expect(await spools.close(hold, LOSS)).toEqual({ kind: 'ok' });
  expect(await spools.close(hold, LOSS)).toEqual({ kind: 'ok' });
  const after = await redis.client.hgetall(state);
  expect(after).toMatchObject({ cp: '2-0', done: '1', owner: '', nonce: '', 'n:lostBySource': '3', gen: '1' });
  expect(after).toMatchObject({ 'sp:next': '5', 'sp:end': '5' });
  expect(Number(after['epoch'])).toBeGreaterThan(7);
  expect(await redis.client.exists(keys.spool('m', 't-1'))).toBe(0);
  expect(await redis.client.xrange('failures', '-', '+')).toMatchObject([
    [expect.anything(), ['notice', JSON.stringify({ shardId: 't-1', ...LOSS })]],
  ]);
  expect((await spools.look([hold]))[0]).toMatchObject({ closed: true, damaged: false, unsettled: 0 });
});

it('is not for a poller that lost the spool; and an end that is heard of opens it again', async () => {
  const { spools, hold } = await spoolOfTwo();
  await redis.client.hset(state, 'cp', '2-0');
  const { hold: later } = (await spools.claim('t-1', ''))!;
  expect(await spools.close(hold, null)).toEqual({ kind: 'fenced' });
  expect(await spools.close(later, null)).toEqual({ kind: 'ok' });
  expect(await redis.client.exists('failures')).toBe(0);
  await spools.look([hold], [9]);
  expect(await redis.client.hget(state, 'done')).toBe('1');
  expect((await spools.look([later], [9]))[0]).toMatchObject({ closed: false });
  expect(await redis.client.hget(state, 'done')).toBe('');
});

it('tells of what it lost with the time of Redis, whatever the clock of its daemon says', async () => {
  let spools: Spools | undefined;
  const source = { feed: (options: { spools: Spools }) => void (spools = options.spools) } as unknown as Source;
  const clock = { ...systemClock, wallMs: () => Date.now() + 25 * HOUR };
  const settings = {
    ...{ mapping: 'm', version: { name: 'f', hash: 'v' }, arn: 'arn', failureStream: 'failures', failureBytesMax: 1e6 },
  } as TurnSettings;
  const config = { name: 'm', startingPosition: 'TRIM_HORIZON' } as MappingConfig;
  openFeed(
    { redis: redis.client, keys, clock, log: silentLog },
    source,
    config,
    () => settings,
    () => undefined,
  );
  await spools!.begin('t-1', 0, 9);
  const { hold } = (await spools!.claim('t-1', 'old'))!;
  expect(await spools!.lose(hold, 0, 2, { ...LOSS, first: 0, last: 1 })).toEqual({ kind: 'ok' });
  const restart = { next: 4, origin: 'new', dropUnsettled: true, operator: null, redelivered: 0 };
  expect(await spools!.restart(hold, { ...restart, loss: { ...LOSS, first: 2, last: 3 } })).toEqual({ kind: 'ok' });
  const { hold: held } = (await spools!.claim('t-1', 'old'))!;
  expect(await spools!.close(held, { ...LOSS, first: 4, last: 5 })).toEqual({ kind: 'ok' });
  const notices = await redis.client.xrange('failures', '-', '+');
  expect(notices).toHaveLength(3);
  for (const [id, fields] of notices) {
    const { timestamp } = JSON.parse(fields[1]!) as { timestamp: string };
    expect(Math.abs(Date.parse(timestamp) - Number(id.split('-')[0]))).toBeLessThan(5_000);
  }
});
