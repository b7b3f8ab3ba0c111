/** The outbox of a shard: written by the settle, emptied by ids that were acknowledged, by one poller at a time. */
import { beforeEach, describe, expect, it } from 'vitest';
import { OUTBOX_SEND_BYTES, OUTBOX_SEND_ENTRIES } from '../../src/outbox-limits.ts';
import { readOutboxes } from '../../src/observe/outboxes.ts';
import { decodeMessage, encodeMessage } from '../../src/outbox.ts';
import { BEFORE_ALL } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { initShard } from '../../src/shard/init.ts';
import { stepOutbox } from '../../src/shard/outbox.ts';
import { settle, type Settlement } from '../../src/shard/settle.ts';
import { type Holding, takeShard } from '../../src/shard/take.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const shard = { mapping: 'm', shardId: 'shardId-000000000000', box: 'notices' } as const;
const outbox = keys.outbox('m', shard.shardId);
let holding: Holding;

const settlement = (revision: number, notices: readonly string[]): Settlement => ({
  ...{ revision, generation: 1, checkpoint: `${revision}-0`, entriesRead: revision, units: [], notBefore: 0 },
  ...{ expiresAt: 0, blocked: '', lastProcessingResult: null, why: '', done: false, notices },
  counts: { succeeded: 0, expired: 0, givenUp: 1, filtered: 0, lostBySource: 0 },
});
const put = (revision: number, notices: readonly string[], bound = 1_000_000) => {
  const target = { holding, streamKey: 's', failureStream: outbox, failureBytesMax: bound, failureKeptMs: 0 };
  return settle(redis.client, keys, { ...target, outbox: true }, settlement(revision, notices));
};
const as = (me: string) => ({ redis: redis.client, keys, me });
const texts = (read: Awaited<ReturnType<typeof stepOutbox>>) =>
  read?.entries.map(({ fields }) => String(fields.get('message')));
const facts = async () => (await readOutboxes(redis.client, keys, 'm', [shard.shardId], 'notices')).get(shard.shardId);

beforeEach(async () => {
  for (const id of ['1-0', '2-0', '3-0']) await redis.client.xadd('s', id, 'data', id);
  const start = { shardId: shard.shardId, key: 's', parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 };
  await initShard(redis.client, keys, 'm', start);
  const taken = await takeShard(redis.client, keys, shard, { owner: 'd', parents: [], mode: 'turn' });
  if (taken.kind !== 'ok') throw new Error(taken.kind);
  ({ holding } = taken);
});

describe('the settle', () => {
  it('writes messages in its order, once, also when it is made twice', async () => {
    expect(await put(1, ['a', 'b'])).toMatchObject({ kind: 'ok' });
    expect(await put(1, ['a', 'b'])).toMatchObject({ kind: 'ok' });
    expect(await put(2, ['c'])).toMatchObject({ kind: 'ok' });
    expect(texts(await stepOutbox(as('x'), shard, { then: 'read' }))).toEqual(['a', 'b', 'c']);
    expect(await redis.client.exists(keys.failures('m'))).toBe(0);
  });

  it('is refused as a whole when the outbox is full, and goes on when it was emptied', async () => {
    await put(1, ['x'.repeat(8_000)], 5_000);
    expect(await put(2, ['y'], 5_000)).toEqual({ kind: 'refused', reason: 'outbox-full' });
    expect(await redis.client.hgetall(keys.shard('m', shard.shardId))).toMatchObject({ cp: '1-0', 'n:givenUp': '1' });
    const {
      read,
      entries: [first],
    } = (await stepOutbox(as('x'), shard, { then: 'read' }))!;
    await stepOutbox(as('x'), shard, { sent: { read, ids: [first!.id] }, error: '', then: 'release' });
    expect(await put(2, ['y'], 5_000)).toMatchObject({ kind: 'ok' });
  });

  it('takes one unit of any size when the outbox is empty: it could never end else', async () => {
    expect(await put(1, ['x'.repeat(50_000)], 5_000)).toMatchObject({ kind: 'ok' });
  });

  it('is refused when the key is something else, and writes nothing', async () => {
    await redis.client.set(outbox, 'mine');
    expect(await put(1, ['a'])).toMatchObject({ kind: 'refused', reason: expect.stringContaining('is a string') });
    expect((await redis.client.hgetall(keys.shard('m', shard.shardId)))['cp']).toBe(BEFORE_ALL);
  });
});

describe('sending', () => {
  it('removes what was acknowledged and nothing else, also late and twice', async () => {
    await put(1, ['a', 'b', 'c']);
    const { read, entries } = (await stepOutbox(as('x'), shard, { then: 'read' }))!;
    const sent = { read, ids: [entries[0]!.id] };
    expect(texts(await stepOutbox(as('x'), shard, { sent, then: 'read' }))).toEqual(['b', 'c']);
    expect(texts(await stepOutbox(as('x'), shard, { sent, then: 'read' }))).toEqual(['b', 'c']);
  });

  it('is one poller’s at a time; another gets it when it is given back or its lease ended', async () => {
    await put(1, ['a']);
    await stepOutbox(as('x'), shard, { then: 'read' });
    expect(await stepOutbox(as('y'), shard, { then: 'read' })).toBeNull();
    await stepOutbox(as('x'), shard, { then: 'release' });
    expect(texts(await stepOutbox(as('y'), shard, { then: 'read' }))).toEqual(['a']);
    await redis.client.hset(keys.shard('m', shard.shardId), 'ob:until', Date.now() - 1);
    const { read, entries } = (await stepOutbox(as('x'), shard, { then: 'read' }))!;
    expect(entries).toHaveLength(1);
    const sent = { read, ids: [entries[0]!.id] };
    // Somebody sends; what was acknowledged goes all the same while it is the last read.
    expect(await stepOutbox(as('y'), shard, { sent, then: 'read' })).toBeNull();
    expect(await redis.client.xlen(outbox)).toBe(0);
  });

  it('removes nothing by an acknowledgement of a read that another followed, or that Redis has lost: the ids may be others’ by now', async () => {
    await put(1, ['a']);
    const first = (await stepOutbox(as('x'), shard, { then: 'read' }))!;
    const { id } = first.entries[0]!;
    // As a server has it that lost the read and what was read, and gave the id to another one.
    await redis.client.del(outbox);
    await redis.client.xadd(outbox, id, 'message', 'b');
    await redis.client.hdel(keys.shard('m', shard.shardId), 'ob:read', 'ob:by', 'ob:until');
    const sent = { read: first.read, ids: [id] };
    const second = await stepOutbox(as('x'), shard, { sent, then: 'read' });
    expect(texts(second)).toEqual(['b']);
    expect(texts(await stepOutbox(as('x'), shard, { sent, then: 'read' }))).toEqual(['b']);
  });

  it('does not wait for a lease that a clock which was ahead gave', async () => {
    await put(1, ['a']);
    await stepOutbox(as('x'), shard, { then: 'read' });
    await redis.client.hset(keys.shard('m', shard.shardId), 'ob:until', Date.now() + 3_600_000);
    expect(await stepOutbox(as('y'), shard, { then: 'renew' })).toBeNull();
    expect(texts(await stepOutbox(as('y'), shard, { then: 'read' }))).toEqual(['a']);
  });

  it('reads a bounded number and size, and one message whatever its size', async () => {
    await put(1, ['x'.repeat(2 * OUTBOX_SEND_BYTES), ...Array.from({ length: 700 }, (_, i) => String(i))], 0);
    const { read, entries: large } = (await stepOutbox(as('x'), shard, { then: 'read' }))!;
    expect(large).toHaveLength(1);
    const next = (await stepOutbox(as('x'), shard, { sent: { read, ids: [large[0]!.id] }, then: 'read' }))!;
    expect(texts(next)).toEqual(Array.from({ length: OUTBOX_SEND_ENTRIES.notices }, (_, i) => String(i)));
    expect(texts(await stepOutbox(as('x'), shard, { then: 'renew' }))).toEqual([]);
  });

  it('leaves why it failed for status, until it goes on', async () => {
    await put(1, ['a', 'b']);
    expect(await facts()).toMatchObject({ messages: 2, error: '', sender: '' });
    await stepOutbox(as('x'), shard, { error: 'there is no topic t', then: 'release' });
    expect(await facts()).toMatchObject({ messages: 2, error: 'there is no topic t', sender: 'x' });
    expect((await facts())!.oldestMs).toBeGreaterThan(Date.now() - 60_000);
    await stepOutbox(as('x'), shard, { then: 'renew' });
    expect((await facts())!.error).toBe('there is no topic t');
    await stepOutbox(as('x'), shard, { error: '', then: 'release' });
    expect((await facts())!.error).toBe('');
  });

  it('makes no state for a shard that was forgotten', async () => {
    await redis.client.del(keys.shard('m', shard.shardId));
    expect(await stepOutbox(as('x'), shard, { error: 'late', then: 'release' })).toBeNull();
    expect(await redis.client.exists(keys.shard('m', shard.shardId))).toBe(0);
  });
});

describe('a message', () => {
  it.each([null, Buffer.alloc(0), Buffer.from([0, 255, 128])])('keeps its key, bytes and all: %o', (key) => {
    const message = {
      to: { connection: 'c', topic: 't' },
      key,
      headers: [['h', 'é']] as const,
      value: '{"a":"\u2028"}',
    };
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });
});
