/** Trimming against a plain model: a record goes when every reader settled it and it is older than the retention, and not before. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trim } from '../../connectors/redis-stream/trim.ts';
import { TRIM_RECORDS_PER_CALL } from '../../src/limits.ts';
import { compareIds, idMs, type EntryId } from '../../src/record.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const HUGE = '18446744073709551615';

const ids = async () => (await redis.client.xrange('s', '-', '+')).map(([id]) => id);
async function fill(wanted: readonly EntryId[]): Promise<void> {
  await redis.client.del('s');
  for (const id of wanted) await redis.client.xadd('s', id, 'data', 'x');
}

describe('trim', () => {
  it('agrees with the model, whatever the ids, checkpoints and retention', async () => {
    const part = fc.oneof(
      fc.nat(12),
      fc.constantFrom('9', '10', '99', '100', '9007199254740993', '9007199254740992'),
      fc.constant(HUGE),
    );
    const id = fc.tuple(fc.nat(12), part).map(([ms, seq]) => `${ms}-${seq}` as EntryId);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          id.filter((one) => one !== '0-0'),
          { maxLength: 30 },
        ),
        fc.array(fc.option(id, { freq: 8 }), { maxLength: 3 }),
        fc.option(fc.integer({ min: 1, max: 14 })),
        async (entries, checkpoints, beforeMs) => {
          const sorted = [...entries].sort(compareIds);
          await redis.client.flushall();
          await fill(sorted);
          const stateKeys = checkpoints.map((_, index) => `state${index}`);
          for (const [index, cp] of checkpoints.entries())
            if (cp !== null) await redis.client.hset(`state${index}`, 'cp', cp);

          const bounded = beforeMs !== null || checkpoints.length > 0;
          const mayGo = (one: EntryId) =>
            bounded &&
            (beforeMs === null || idMs(one) < beforeMs) &&
            checkpoints.every((cp) => cp !== null && compareIds(one, cp) <= 0);
          const kept = sorted.filter((one) => !mayGo(one));

          const { removed, more } = await trim(redis.client, { streamKey: 's', stateKeys, beforeMs });
          expect({ removed, more }).toEqual({ removed: sorted.length - kept.length, more: false });
          expect(await ids()).toEqual(kept);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keeps what a mapping of another namespace has not settled, by its marker', async () => {
    await fill(['1-0', '2-0', '3-0', '4-0']);
    await redis.client.hset('state0', 'cp', '4-0');
    await redis.client.xgroup('CREATE', 's', 'staging:m', '2-0', 'ENTRIESREAD', 2);
    // Groups of somebody else's are no markers: one that has consumers, one that was never read.
    await redis.client.xgroup('CREATE', 's', 'unused', '0');
    await redis.client.xgroup('CREATE', 's', 'workers', '1-0');
    await redis.client.xgroup('CREATECONSUMER', 's', 'workers', 'one');
    await trim(redis.client, { streamKey: 's', stateKeys: ['state0'], beforeMs: null });
    expect(await ids()).toEqual(['3-0', '4-0']);
    await redis.client.xgroup('SETID', 's', 'staging:m', '4-0');
    await trim(redis.client, { streamKey: 's', stateKeys: ['state0'], beforeMs: null });
    expect(await ids()).toEqual([]);
  });

  it('works in steps on a long backlog and leaves entries-added alone', async () => {
    const total = TRIM_RECORDS_PER_CALL * 2 + 150;
    await redis.client.eval(`for i = 1, ${total} do redis.call('XADD', 's', i .. '-1', 'data', 'x') end`, 0);
    await redis.client.hset('state', 'cp', `${total - 50}-1`);
    const steps = [];
    for (let more = true; more;) {
      const step = await trim(redis.client, { streamKey: 's', stateKeys: ['state'], beforeMs: null });
      expect(step.removed).toBeLessThanOrEqual(TRIM_RECORDS_PER_CALL + 1_000);
      steps.push(step.removed);
      more = step.more;
    }
    expect(steps.length).toBeGreaterThan(1);
    expect(steps.reduce((a, b) => a + b)).toBe(total - 50);
    expect(await redis.client.xlen('s')).toBe(50);
    const info = (await redis.client.xinfo('STREAM', 's')) as unknown[];
    expect(info[info.indexOf('entries-added') + 1]).toBe(total);
  });

  it('goes on when memory is full, where nothing else can be written', async () => {
    await fill(['1-1', '2-1', '3-1']);
    await redis.client.hset('state', 'cp', '2-1');
    await redis.client.config('SET', 'maxmemory', '1');
    try {
      await expect(redis.client.xadd('s', '*', 'data', 'x')).rejects.toThrow('OOM');
      expect(await trim(redis.client, { streamKey: 's', stateKeys: ['state'], beforeMs: null })).toEqual({
        removed: 2,
        more: false,
      });
    } finally {
      await redis.client.config('SET', 'maxmemory', '0');
    }
  });

  it('does nothing to a missing stream', async () => {
    expect(await trim(redis.client, { streamKey: 's', stateKeys: [], beforeMs: 5 })).toEqual({
      removed: 0,
      more: false,
    });
  });
});
