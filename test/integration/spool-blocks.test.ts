/** Records of a spool, many in an entry, on a real server: however they were appended, each is there once, in order, from anywhere. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spooledArrival, spooledKey } from '../../src/event/parts.ts';
import { SPOOL_BLOCK_BYTES, SPOOL_BLOCK_RECORDS } from '../../src/kafka-limits.ts';
import { silentLog } from '../../src/observe/log.ts';
import { readShards } from '../../src/observe/status-read.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { RawBatch } from '../../src/redis/reader-batch.ts';
import { createReader, type RangeReader } from '../../src/redis/reader.ts';
import { measureBacklog } from '../../src/shard/measure.ts';
import { openSpools } from '../../src/shard/spool.ts';
import { sweepShards } from '../../src/shard/sweep.ts';
import { SPOOL_FLAG, SPOOL_ITEM, type SpoolHold, spoolId, type SpoolRecord, type Spools } from '../../src/spool.ts';
import { spoolReader } from '../../src/turn/spool-reader.ts';
import { spooled as entriesOf } from '../support/kafka/spooled.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const ref = { mapping: 'm', shardId: 't-0' };
const key = keys.spool('m', 't-0');
const state = keys.shard('m', 't-0');
let lean: RangeReader;
beforeAll(() => void (lean = createReader(redis.url, { log: silentLog })));
afterAll(() => lean.close());

async function beginSpool(): Promise<{ spools: Spools; hold: SpoolHold }> {
  await redis.client.flushall();
  const spools = openSpools({
    ...{ redis: redis.client, keys, mapping: 'm', monoMs: () => performance.now() },
    failures: () => ({ stream: 'failures', bytesMax: 1e6 }),
    notice: () => '{}',
  });
  await spools.begin('t-0', 0, 0);
  return { spools, hold: (await spools.claim('t-0', 'topic'))!.hold };
}

/** What a reader sees of a record. */
function told(batch: RawBatch): unknown[] {
  return batch.ids.map((id, i) => {
    const text = (item: number) => {
      const [start, length] = batch.spans.subarray(2 * (batch.at[i]! + item));
      return start! < 0 ? length! : batch.buffer.toString('latin1', start, start! + length!);
    };
    const { timestamp, flags, value, headers } = SPOOL_ITEM;
    const arrivalMs = spooledArrival(batch, i);
    return { id, arrivalMs, key: spooledKey(batch, i), rest: [timestamp, flags, value, headers].map(text) };
  });
}

function expected({ position, arrivalMs, timestamp, flags, key, value, headers }: SpoolRecord): unknown {
  const rest = [timestamp, String(flags), value.toString('latin1'), headers];
  return { id: spoolId(position), arrivalMs, key: flags & SPOOL_FLAG.nullKey ? null : key, rest };
}

const bytes = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 3, arbitrary: fc.constant(new Uint8Array(SPOOL_BLOCK_BYTES / 3).fill(7)) },
  { weight: 2, arbitrary: fc.constant(new Uint8Array(SPOOL_BLOCK_BYTES + 1).fill(8)) },
);
const record = fc.record({
  skip: fc.constantFrom(0, 0, 0, 0, 3),
  ownArrival: fc.boolean(),
  flags: fc.constantFrom(0, SPOOL_FLAG.nullKey, SPOOL_FLAG.nullValue, SPOOL_FLAG.logAppendTime),
  key: fc.uint8Array({ maxLength: 10 }),
  value: bytes,
  headers: fc.constantFrom('[]', '[{"a":[1,2]}]'),
});

interface Given {
  readonly skip: number;
  readonly ownArrival: boolean;
  readonly flags: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: string;
}

function placed(given: readonly Given[]): SpoolRecord[] {
  let position = -1;
  return given.map(({ skip, ownArrival, flags, ...rest }) => {
    position += 1 + skip;
    const timestamp = String(1_700_000_000_000 + position);
    const nothing = Buffer.alloc(0);
    return {
      ...{ position, timestamp, flags, arrivalMs: Number(timestamp) + (ownArrival ? 0 : 5), headers: rest.headers },
      key: flags & SPOOL_FLAG.nullKey ? nothing : Buffer.from(rest.key),
      value: flags & SPOOL_FLAG.nullValue ? nothing : Buffer.from(rest.value),
    };
  });
}

it('what is appended, with overlaps, is read from anywhere, record by record', { timeout: 60_000 }, async () => {
  const run = async (
    given: readonly Given[],
    copies: number,
    cuts: readonly [number, number][],
    looks: readonly [number, number, number][],
  ) => {
    const records = placed(Array.from({ length: copies }, () => given).flat());
    const { spools, hold } = await beginSpool();
    const end = records.length === 0 ? 0 : records.at(-1)!.position + 1;
    // Each append begins where one before it ended, or earlier: as a second fetch does that overlaps the first.
    let done = 0;
    for (const [back, more] of [...cuts, [0, records.length] as const]) {
      const from = Math.max(0, done - back);
      const to = Math.min(records.length, done + more);
      const after = from === 0 ? 0 : records[from - 1]!.position + 1;
      const next = to === 0 ? 0 : records[to - 1]!.position + 1;
      const appended = await spools.append(hold, { after, next, end, records: records.slice(from, to) });
      expect(appended.kind).toBe(to > done ? 'ok' : 'skipped');
      done = Math.max(done, to);
    }
    const all = records.map(expected);
    const reader = spoolReader(lean);
    expect((await entriesOf(redis.client, key)).map(({ id }) => id)).toEqual(
      all.map((one) => (one as { id: string }).id),
    );
    for (const [a, b, count] of looks) {
      const after = `${Math.min(a, end)}-0`;
      const behind = records.filter(({ position }) => position + 1 > Math.min(a, end));
      const read = await reader.readAfter(key, after, count);
      expect(told(read)).toEqual(behind.slice(0, count).map(expected));
      expect(read.stream.entriesAdded).toBe(records.length);
      const upTo = spoolId(Math.min(a, end) + b);
      const within = behind.filter(({ position }) => position <= Math.min(a, end) + b).slice(0, count);
      expect(told(await reader.readAfter(key, after, count, upTo))).toEqual(within.map(expected));

      const measured = await measureBacklog(redis.client, { key, spooled: true }, after, count);
      expect([measured.records, measured.last]).toEqual([
        Math.min(count, behind.length),
        behind.length === 0 ? null : spoolId(behind.slice(0, count).at(-1)!.position),
      ]);
      await redis.client.hset(state, { cp: after, read: records.length - behind.length });
      const [first] = behind;
      const sweep = await sweepShards(redis.client, keys, [{ ...ref, key }]);
      expect(sweep.views[0]!.nextId).toBe(first ? spoolId(first.position) : null);
      expect(sweep.views[0]!.spool!.nextArrivalMs).toBe(first ? first.arrivalMs : null);
      const [facts] = await readShards(redis.client, keys, 'm', ['t-0']);
      expect(facts!.nextId).toBe(first ? spoolId(first.position) : null);
      if (first) expect(facts!.spool!.arrivals.get(spoolId(first.position))).toBe(first.arrivalMs);
      expect((await spools.look([hold]))[0]!.unsettled).toBe(behind.length);
      // What is settled goes with its entry: what is not is all there.
      const kept = (await entriesOf(redis.client, key)).map(({ id }) => id);
      expect(kept.slice(kept.length - behind.length)).toEqual(behind.map(({ position }) => spoolId(position)));
      await redis.client.hset(state, { cp: '0-0', read: 0 });
      if (kept.length < records.length) break;
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(1, 1, 2, 9),
      fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 60 })), { maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(200), fc.nat(40), fc.integer({ min: 1, max: 250 })), { minLength: 1, maxLength: 4 }),
      run,
    ),
    { numRuns: 60 },
  );
});

it('a thousand small records are ten entries, and one read', async () => {
  const { spools, hold } = await beginSpool();
  const small = {
    skip: 0,
    ownArrival: true,
    flags: 0,
    key: new Uint8Array(1),
    value: new Uint8Array(9),
    headers: '[]',
  };
  const records = placed(Array.from({ length: 1_000 }, () => small));
  await spools.append(hold, { after: 0, next: 1_000, end: 1_000, records });
  expect(await redis.client.xlen(key)).toBe(1_000 / SPOOL_BLOCK_RECORDS);
  let reads = 0;
  const counting = { readAfter: (...args: Parameters<RangeReader['readAfter']>) => (reads++, lean.readAfter(...args)) };
  expect((await spoolReader(counting).readAfter(key, '0-0', 500)).count).toBe(500);
  expect(reads).toBe(1);
});
