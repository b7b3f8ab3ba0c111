/** What sources must do whose shards are Redis streams by themselves: checkpoints, exact counts of what is lost, trimming, resharding. */
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { compareIds, idMs, type EntryId } from '../../src/record.ts';
import type { Source, SourceShard, StartingPosition } from '../../src/source/port.ts';

export interface StreamHarness {
  readonly redis: () => Redis;
  /** A stream that does not exist. */
  missing(): Promise<Source>;
  /** A stream with this many shards (or as many as the kind allows), without records. */
  create(shards: number): Promise<Source>;
  /** Appends records at the source; resolves when they are in the shard's Redis stream. */
  append(shard: SourceShard, count: number): Promise<void>;
  /** Makes the source lose the oldest records of a shard. */
  loseOldest(shard: SourceShard, count: number): Promise<void>;
  /** Replaces the shard by others; absent where the kind of source cannot. */
  reshard?(shard: SourceShard): Promise<void>;
}

const AT_OR_AFTER = (timestampMs: number): StartingPosition => ({ kind: 'AT_TIMESTAMP', timestampMs });

export function streamContract(name: string, harness: StreamHarness): void {
  describe(`Redis streams as shards: ${name}`, () => {
    let source: Source;
    let shard: SourceShard;
    beforeEach(async () => {
      source = await harness.create(2);
      shard = (await source.describe()).shards[0]!;
    });

    const idsAfter = async (key: string, checkpoint: EntryId) =>
      (await harness.redis().xrange(key, `(${checkpoint}`, '+')).map(([id]) => id);

    /** contract.md, "gap"; counted when the first existing entry lies above the checkpoint. */
    const lost = async (key: string, entriesRead: number) => {
      const info = (await harness.redis().xinfo('STREAM', key)) as unknown[];
      const field = (wanted: string) => Number(info[info.indexOf(wanted) + 1]);
      return field('entries-added') - entriesRead - field('length');
    };

    it('starts at 0-0 with nothing read where nothing exists yet, whatever the position', async () => {
      const absent = await harness.missing();
      const [waitedFor] = (await absent.describe()).shards;
      for (const position of [{ kind: 'TRIM_HORIZON' }, { kind: 'LATEST' }, AT_OR_AFTER(Date.now())] as const) {
        expect(await absent.start(waitedFor!, position)).toEqual({ checkpoint: '0-0', entriesRead: 0 });
      }
    });

    it('TRIM_HORIZON reads what is there and counts what went before as none of ours', async () => {
      await harness.append(shard, 10);
      await harness.loseOldest(shard, 4);
      const { checkpoint, entriesRead } = await source.start(shard, { kind: 'TRIM_HORIZON' });
      expect(await idsAfter(shard.key, checkpoint)).toHaveLength(6);
      expect(await lost(shard.key, entriesRead)).toBe(0);
      await harness.loseOldest(shard, 2);
      expect(await lost(shard.key, entriesRead)).toBe(2);
    });

    it('LATEST reads only what comes later, and counts a later loss exactly', async () => {
      await harness.append(shard, 5);
      const { checkpoint, entriesRead } = await source.start(shard, { kind: 'LATEST' });
      expect(await idsAfter(shard.key, checkpoint)).toEqual([]);
      await harness.append(shard, 3);
      expect(await idsAfter(shard.key, checkpoint)).toHaveLength(3);
      await harness.loseOldest(shard, 5);
      expect(await lost(shard.key, entriesRead)).toBe(0);
      await harness.loseOldest(shard, 1);
      expect(await lost(shard.key, entriesRead)).toBe(1);
    });

    it('AT_TIMESTAMP reads every record that arrived then or later, and no earlier one', async () => {
      await harness.append(shard, 5);
      const [last] = (await idsAfter(shard.key, '0-0')).slice(-1);
      // The next records get a later millisecond than the last one, by Redis' own clock.
      while (await redisMsIs(harness.redis(), idMs(last!)));
      await harness.append(shard, 4);
      const cut = idMs((await idsAfter(shard.key, last!))[0]!);

      const { checkpoint, entriesRead } = await source.start(shard, AT_OR_AFTER(cut));
      const read = await idsAfter(shard.key, checkpoint);
      expect(read).toHaveLength(4);
      expect(read.every((id) => idMs(id) >= cut)).toBe(true);
      await harness.loseOldest(shard, 5);
      expect(await lost(shard.key, entriesRead)).toBe(0);
      await harness.loseOldest(shard, 1);
      expect(await lost(shard.key, entriesRead)).toBe(1);
    });

    it('AT_TIMESTAMP before everything is the beginning, after everything the end, never beyond it', async () => {
      await harness.append(shard, 3);
      const early = await source.start(shard, AT_OR_AFTER(Date.UTC(2015, 0)));
      expect(await idsAfter(shard.key, early.checkpoint)).toHaveLength(3);
      const late = await source.start(shard, AT_OR_AFTER(Date.now() + 3_600_000));
      expect(await idsAfter(shard.key, late.checkpoint)).toEqual([]);
      const [last] = (await idsAfter(shard.key, '0-0')).slice(-1);
      expect(compareIds(late.checkpoint, last!)).toBe(0);
    });

    it('trims what every mapping settled, and nothing while one of them has no checkpoint', async () => {
      await harness.append(shard, 6);
      const ids = await idsAfter(shard.key, '0-0');
      await harness.redis().hset('first', 'cp', ids[3]!);
      await source.trim(shard, ['first', 'second'], null);
      expect(await idsAfter(shard.key, '0-0')).toEqual(ids);
      await harness.redis().hset('second', 'cp', ids[1]!);
      expect(await source.trim(shard, ['first', 'second'], null)).toMatchObject({ more: false });
      expect(await idsAfter(shard.key, '0-0')).toEqual(ids.slice(2));
      // Settled, but younger than the retention.
      await source.trim(shard, ['first'], idMs(ids[0]!));
      expect(await idsAfter(shard.key, '0-0')).toEqual(ids.slice(2));
    });

    if (harness.reshard) {
      const reshard = harness.reshard.bind(harness);
      it('raises the revision when shards change; closed parents stay and children name them', async () => {
        const before = await source.describe();
        await reshard(shard);
        const after = await source.describe();
        expect(after.revision).toBeGreaterThan(before.revision);
        expect(after.shards.find(({ shardId }) => shardId === shard.shardId)).toMatchObject({ closed: true });
        const children = after.shards.filter(({ parents }) => parents.includes(shard.shardId));
        expect(children.length).toBeGreaterThan(0);
        expect(children.every(({ closed }) => !closed)).toBe(true);
      });

      it('starts on a closed shard as on any other', async () => {
        await harness.append(shard, 3);
        await reshard(shard);
        const all = await source.start(shard, { kind: 'TRIM_HORIZON' });
        expect(await idsAfter(shard.key, all.checkpoint)).toHaveLength(3);
        expect(await lost(shard.key, all.entriesRead)).toBe(0);
        const none = await source.start(shard, { kind: 'LATEST' });
        const [last] = (await idsAfter(shard.key, '0-0')).slice(-1);
        expect(none).toEqual({ checkpoint: last, entriesRead: 3 });
      });
    }
  });
}

async function redisMsIs(redis: Redis, ms: number): Promise<boolean> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) <= ms;
}
