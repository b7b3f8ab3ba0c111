/** Settle is one atomic step, also when a command in it would fail: everything of it is there afterwards, or nothing. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BEFORE_ALL } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { initShard } from '../../src/shard/init.ts';
import { type SettleTarget, type Settlement, settle } from '../../src/shard/settle.ts';
import { sweepShards } from '../../src/shard/sweep.ts';
import { type Holding, takeShard } from '../../src/shard/take.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const shard = { mapping: 'm', shardId: 'shardId-000000000000' };
const stateKey = keys.shard('m', shard.shardId);
const failures = keys.failures('m');
const group = keys.group('m');
let holding: Holding;

const target = (over: Partial<SettleTarget> = {}): SettleTarget => ({
  ...{ holding, streamKey: 's', failureStream: failures, failureBytesMax: 0, failureKeptMs: 0 },
  ...over,
});

const settlement = (over: Partial<Settlement> = {}): Settlement => ({
  ...{ revision: 1, generation: 1, checkpoint: '2-0', entriesRead: 2, units: [], notBefore: 0, expiresAt: 0 },
  ...{ blocked: '', lastProcessingResult: null, why: '', done: false, notices: ['{"notice":1}'] },
  counts: { succeeded: 1, expired: 0, givenUp: 1, filtered: 0, lostBySource: 0 },
  ...over,
});

async function marker(): Promise<string | null> {
  const groups = (await redis.client.xinfo('GROUPS', 's')) as (string | number)[][];
  return groups[0] ? String(groups[0][groups[0].indexOf('last-delivered-id') + 1]) : null;
}

async function expectSettled(notices = 1): Promise<void> {
  const state = await redis.client.hgetall(stateKey);
  expect(state).toMatchObject({ cp: '2-0', read: '2', rev: '1', 'n:succeeded': '1', 'n:givenUp': '1' });
  expect(await redis.client.xlen(failures)).toBe(notices);
}

/** Runs `work` and expects that neither the state nor the failure stream changed. */
async function unchanged<T>(work: () => Promise<T>): Promise<T> {
  const look = async () => [
    await redis.client.dump(stateKey),
    await redis.client.dump(failures),
    await redis.client.dump('s'),
  ];
  const before = await look();
  const result = await work();
  expect(await look()).toEqual(before);
  return result;
}

async function expectRefused(reason: string | RegExp, over: Partial<SettleTarget> = {}, via: Redis = redis.client) {
  const reply = await unchanged(() => settle(via, keys, target(over), settlement()));
  expect(reply).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
}

beforeEach(async () => {
  for (const ms of [1, 2, 3]) await redis.client.xadd('s', `${ms}-0`, 'data', 'x');
  const fresh = { shardId: shard.shardId, key: 's', parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 };
  await initShard(redis.client, keys, 'm', fresh);
  const taken = await takeShard(redis.client, keys, shard, { owner: 'd', parents: [], mode: 'turn' });
  if (taken.kind !== 'ok') throw new Error(taken.kind);
  holding = taken.holding;
});

describe('what is only cosmetic does not stop a settle', () => {
  it('makes a destroyed group anew', async () => {
    await redis.client.xgroup('DESTROY', 's', group);
    expect(await settle(redis.client, keys, target(), settlement())).toMatchObject({ kind: 'ok' });
    await expectSettled();
    expect(await marker()).toBe('2-0');
  });

  it('goes on when the stream key was deleted meanwhile', async () => {
    await redis.client.del('s');
    expect(await settle(redis.client, keys, target(), settlement())).toMatchObject({ kind: 'ok' });
    await expectSettled();
    expect(await redis.client.exists('s')).toBe(0);
  });

  it('goes on when the stream key is of another type by now', async () => {
    await redis.client.set('s', 'text');
    expect(await settle(redis.client, keys, target(), settlement())).toMatchObject({ kind: 'ok' });
    await expectSettled();
  });
});

describe('what would fail refuses all of it', () => {
  it('a state of the wrong type', async () => {
    await redis.client.set(stateKey, 'text');
    await expectRefused('the state of the shard is of the wrong type');
  });

  it('no state at all: the shard is not ours', async () => {
    await redis.client.del(stateKey);
    await unchanged(() => expect(settle(redis.client, keys, target(), settlement())).rejects.toThrow('fenced'));
  });

  it('says whether somebody else has it, or the state went back', async () => {
    const refused = async () =>
      await settle(redis.client, keys, target(), settlement({ revision: 3 })).catch((e: unknown) => e);
    // As after a settle that Redis lost: the same holder, at a revision before.
    expect(await refused()).toMatchObject({ name: 'FencedError', wentBack: true });
    const { epoch } = holding;
    await redis.client.hset(stateKey, 'epoch', String(BigInt(epoch) - 1n));
    expect(await refused()).toMatchObject({ wentBack: true });
    await redis.client.hset(stateKey, 'epoch', String(BigInt(epoch) + 1n));
    expect(await refused()).toMatchObject({ wentBack: false });
    await redis.client.del(stateKey);
    expect(await refused()).toMatchObject({ wentBack: true });
  });

  it('a failure stream of the wrong type', async () => {
    await redis.client.set(failures, 'text');
    await expectRefused(`the failure stream ${failures} is a string`);
  });

  it('a failure stream that has used up its ids', async () => {
    await redis.client.xadd(failures, '18446744073709551615-18446744073709551615', 'notice', 'x');
    await expectRefused('has used up its ids');
  });

  it('but a failure stream that nothing is written to is not asked', async () => {
    await redis.client.set(failures, 'text');
    const reply = await settle(redis.client, keys, target(), settlement({ notices: [] }));
    expect(reply).toMatchObject({ kind: 'ok' });
    expect(await redis.client.hget(stateKey, 'cp')).toBe('2-0');
  });

  it('a checkpoint that would go back, at the ends of the 64-bit space', async () => {
    await redis.client.hset(stateKey, 'cp', '18446744073709551615-9');
    const back = settlement({ checkpoint: '9223372036854775808-18446744073709551615' });
    expect(await unchanged(() => settle(redis.client, keys, target(), back))).toMatchObject({ kind: 'refused' });
    const on = settlement({ checkpoint: '18446744073709551615-10' });
    expect(await settle(redis.client, keys, target(), on)).toMatchObject({ kind: 'ok' });
  });
});

describe('the bound of the failure stream', () => {
  it('refuses with failure-stream-full', async () => {
    await redis.client.xadd(failures, '*', 'notice', 'x'.repeat(10_000));
    await expectRefused('failure-stream-full', { failureBytesMax: 5_000 });
  });

  it('counts the notices that are to be written', async () => {
    await redis.client.xadd(failures, '*', 'notice', 'x');
    const large = settlement({ notices: ['y'.repeat(6_000)] });
    const reply = await unchanged(() => settle(redis.client, keys, target({ failureBytesMax: 5_000 }), large));
    expect(reply).toMatchObject({ kind: 'refused', reason: 'failure-stream-full' });
  });

  it('makes room with notices past their keeping time', async () => {
    await redis.client.xadd(failures, '1000-0', 'notice', 'x'.repeat(10_000));
    const over = { failureBytesMax: 5_000, failureKeptMs: 60_000 };
    expect(await settle(redis.client, keys, target(over), settlement())).toMatchObject({ kind: 'ok' });
    await expectSettled();
  });
});

describe('what the server refuses', () => {
  let limited: Redis | undefined;
  afterEach(async () => {
    limited?.disconnect();
    await redis.client.config('SET', 'maxmemory', '0');
    await redis.client.call('ACL', 'DELUSER', 'limited');
  });

  async function user(...rules: string[]): Promise<Redis> {
    await redis.client.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>pass', ...rules);
    limited = new Redis(redis.url, { username: 'limited', password: 'pass' });
    return limited;
  }

  it('an ACL without the failure stream refuses settles with notices, and no others', async () => {
    const via = await user('+@all', `~${stateKey}`, '~s');
    await expectRefused(/failure stream|NOPERM|ACL/, {}, via);
    const reply = await settle(via, keys, target(), settlement({ notices: [] }));
    expect(reply).toMatchObject({ kind: 'ok' });
    expect(await redis.client.hget(stateKey, 'cp')).toBe('2-0');
  });

  it.each(['xadd', 'xinfo', 'type', 'memory', 'xtrim'])('an ACL without %s', async (command) => {
    await redis.client.xadd(failures, '1000-0', 'notice', 'x'.repeat(10_000));
    const via = await user('+@all', '~*', `-${command}`);
    await expectRefused(/ACL|full/, { failureBytesMax: 5_000, failureKeptMs: 60_000 }, via);
  });

  it('an ACL without HSET on the state', async () => {
    await expectRefused('the ACL refuses HSET', {}, await user('+@all', '~*', '-hset'));
  });

  it('an ACL without the state key writes nothing', async () => {
    const via = await user('+@all', '~s', `~${failures}`);
    const reply = await unchanged(() => settle(via, keys, target(), settlement()));
    expect(reply).toMatchObject({ kind: 'refused' });
    const without = settlement({ notices: [] });
    await unchanged(() => expect(settle(via, keys, target(), without)).rejects.toThrow('NOPERM'));
  });

  it('maxmemory does not: settling and taking free memory', async () => {
    await redis.client.config('SET', 'maxmemory', '1');
    await expect(redis.client.xadd('s', '*', 'data', 'x')).rejects.toThrow('OOM');
    expect(await settle(redis.client, keys, target(), settlement())).toMatchObject({ kind: 'ok' });
    await expectSettled();
    const taken = await takeShard(redis.client, keys, shard, { owner: 'e', parents: [], mode: 'turn' });
    expect(taken).toMatchObject({ kind: 'ok', ownerBefore: 'd' });
  });
});

describe('the same settle more than once', () => {
  it('after SCRIPT FLUSH', async () => {
    await settle(redis.client, keys, target(), settlement());
    await redis.client.script('FLUSH');
    expect(await unchanged(() => settle(redis.client, keys, target(), settlement()))).toMatchObject({ kind: 'ok' });
    await expectSettled();
  });

  it('after two lost replies: the client sends it again by itself', async () => {
    const { proxyPort, cut, close } = await lossyProxy(redis.server.port, 2);
    const via = new Redis(proxyPort, '127.0.0.1', {
      maxRetriesPerRequest: null,
      retryStrategy: () => 20,
      enableReadyCheck: false,
    });
    via.on('error', () => undefined);
    try {
      await via.ping();
      cut.armed = true;
      expect(await settle(via, keys, target(), settlement())).toMatchObject({ kind: 'ok' });
      expect(cut.left).toBe(0);
      await expectSettled();
    } finally {
      via.disconnect();
      await close();
    }
  });

  it('by two callers at once', async () => {
    const all = await Promise.all([1, 2, 3].map(() => settle(redis.client, keys, target(), settlement())));
    expect(all.map((reply) => reply.kind)).toEqual(['ok', 'ok', 'ok']);
    await expectSettled();
  });
});

describe('one bad key', () => {
  it("does not keep the sweep from the other shards'", async () => {
    await redis.client.set(keys.shard('m', 'bad'), 'text');
    const both = [
      { mapping: 'm', shardId: 'bad', key: 's' },
      { ...shard, key: 's' },
    ];
    const { views } = await sweepShards(redis.client, keys, both);
    expect(views[0]).toBeNull();
    expect(views[1]).toMatchObject({ checkpoint: BEFORE_ALL, nextId: '1-0' });
  });
});

/** Hands on everything to the server, and drops the connection instead of the reply to the next commands, `times` times. */
async function lossyProxy(port: number, times: number) {
  const net = await import('node:net');
  const cut = { armed: false, left: times };
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    client.pipe(upstream);
    client.on('error', () => upstream.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    upstream.on('data', (reply) => {
      // NOSCRIPT is no lost settle: nothing ran.
      if (cut.armed && cut.left > 0 && reply.toString().includes('ok')) {
        cut.left--;
        client.destroy();
      } else if (cut.armed && cut.left > 0 && reply.toString().includes('repeated')) {
        cut.left--;
        client.destroy();
      } else client.write(reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { proxyPort: address.port, cut, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}
