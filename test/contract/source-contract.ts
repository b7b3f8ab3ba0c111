/**
 * What every connector must do (src/source/port.ts), seen from the shard's Redis stream: the records that a mapping reads there. A connector's test calls
 * `sourceContract` with a harness of its own.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { EntryId } from '../../src/record.ts';
import type { RewindTo, Source, SourceShard, StartingPosition } from '../../src/source/port.ts';

export interface SourceHarness {
  /** A stream that does not exist. */
  missing(): Promise<Source>;
  /** A stream with two shards (or one, where the kind has no more), without records; and its first shard. */
  create(): Promise<{ readonly source: Source; readonly shard: SourceShard }>;
  /** Appends records with these texts at the source. */
  append(shard: SourceShard, texts: readonly string[]): Promise<void>;
  /** Makes the source lose the oldest records of a shard. */
  loseOldest(shard: SourceShard, count: number): Promise<void>;
  /** Begins all shards, as for a mapping of which nothing is known, and goes on reading. */
  begin(source: Source, shard: SourceShard, position: StartingPosition): Promise<Begun>;
}

/** A shard that a mapping reads. */
export interface Begun {
  /** Texts behind the checkpoint, once all that is at the source now has come. */
  unsettled(): Promise<string[]>;
  /** Settles the first of them. */
  settle(count: number): Promise<void>;
  checkpoint(): Promise<EntryId>;
  /** Texts of the records at the source between a checkpoint of before and the present one. */
  settledBehind(checkpoint: EntryId): Promise<string[]>;
  /** Texts that are kept in Redis, once what is settled and nobody's any more has been removed. */
  kept(): Promise<string[]>;
}

const TRIM_HORIZON: StartingPosition = { kind: 'TRIM_HORIZON' };
const LATEST: StartingPosition = { kind: 'LATEST' };
const from = (timestampMs: number) => ({ kind: 'AT_TIMESTAMP', timestampMs }) as const;
const texts = (first: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${first + i}`);

export function sourceContract(name: string, harness: SourceHarness): void {
  describe(`source contract: ${name}`, () => {
    let source: Source;
    let shard: SourceShard;
    beforeEach(async () => {
      ({ source, shard } = await harness.create());
    });

    it('describes a stream that does not exist without failing', async () => {
      expect(await (await harness.missing()).describe()).toMatchObject({ exists: false });
    });

    it('names every shard and key once, with known parents, and the same while nothing changes', async () => {
      await harness.begin(source, shard, TRIM_HORIZON);
      const first = await source.describe();
      expect(first.exists).toBe(true);
      expect(first.arn).toMatch(/^arn:/);
      const ids = first.shards.map(({ shardId }) => shardId);
      expect(ids).toContain(shard.shardId);
      expect(new Set(ids).size).toBe(ids.length);
      expect(new Set(first.shards.map(({ key }) => key)).size).toBe(ids.length);
      for (const { parents } of first.shards) expect(ids).toEqual(expect.arrayContaining([...parents]));
      await harness.append(shard, ['x']);
      expect(await source.describe()).toEqual(first);
    });

    it('TRIM_HORIZON reads what is there, in order, and what comes', async () => {
      await harness.append(shard, texts(0, 10));
      await harness.loseOldest(shard, 4);
      const begun = await harness.begin(source, shard, TRIM_HORIZON);
      expect(await begun.unsettled()).toEqual(texts(4, 6));
      await harness.append(shard, texts(10, 3));
      expect(await begun.unsettled()).toEqual(texts(4, 9));
    });

    it('LATEST reads only what comes later', async () => {
      await harness.append(shard, texts(0, 5));
      const begun = await harness.begin(source, shard, LATEST);
      expect(await begun.unsettled()).toEqual([]);
      await harness.append(shard, texts(5, 3));
      expect(await begun.unsettled()).toEqual(texts(5, 3));
    });

    it('LATEST on an empty shard reads everything that comes', async () => {
      const begun = await harness.begin(source, shard, LATEST);
      await harness.append(shard, texts(0, 2));
      expect(await begun.unsettled()).toEqual(texts(0, 2));
    });

    it('AT_TIMESTAMP reads every record that arrived then or later, and no earlier one', async () => {
      await harness.append(shard, texts(0, 5));
      await anotherMs();
      const cut = Date.now();
      await anotherMs();
      await harness.append(shard, texts(5, 4));
      const begun = await harness.begin(source, shard, from(cut));
      expect(await begun.unsettled()).toEqual(texts(5, 4));
    });

    it('AT_TIMESTAMP before everything is the beginning', async () => {
      await harness.append(shard, texts(0, 3));
      const begun = await harness.begin(source, shard, from(Date.UTC(2015, 0)));
      expect(await begun.unsettled()).toEqual(texts(0, 3));
    });

    it('AT_TIMESTAMP after everything is the end, never beyond it', async () => {
      await harness.append(shard, texts(0, 3));
      const begun = await harness.begin(source, shard, from(Date.now() + 3_600_000));
      expect(await begun.unsettled()).toEqual([]);
      await harness.append(shard, texts(3, 2));
      expect(await begun.unsettled()).toEqual(texts(3, 2));
    });

    it('keeps what is not settled, and removes what is', async () => {
      await harness.append(shard, texts(0, 6));
      const begun = await harness.begin(source, shard, TRIM_HORIZON);
      expect(await begun.unsettled()).toEqual(texts(0, 6));
      expect(await begun.kept()).toEqual(texts(0, 6));
      await begun.settle(2);
      expect(await begun.unsettled()).toEqual(texts(2, 4));
      // What is settled may stay for a while beside what is not; once nothing is unsettled, nothing is left.
      expect((await begun.kept()).slice(-4)).toEqual(texts(2, 4));
      await begun.settle(4);
      expect(await begun.kept()).toEqual([]);
    });

    describe('seek', () => {
      /** What would run again; null: nothing. */
      async function sought(begun: Begun, to: RewindTo): Promise<string[] | null> {
        const settled = await begun.checkpoint();
        const found = await source.seek([{ shardId: shard.shardId, key: shard.key, settled, marks: [] }], to);
        expect([...found.keys()].filter((id) => id !== shard.shardId)).toEqual([]);
        const place = found.get(shard.shardId);
        if (!place) return null;
        const again = await begun.settledBehind(place.checkpoint);
        expect(place.records).toBe(again.length);
        return again;
      }

      it('TRIM_HORIZON: everything settled that is still at the source', async () => {
        await harness.append(shard, texts(0, 6));
        const begun = await harness.begin(source, shard, TRIM_HORIZON);
        await begun.unsettled();
        expect(await sought(begun, { kind: 'TRIM_HORIZON' })).toBeNull();
        await begun.settle(4);
        expect(await sought(begun, { kind: 'TRIM_HORIZON' })).toEqual(texts(0, 4));
        await harness.loseOldest(shard, 2);
        expect(await sought(begun, { kind: 'TRIM_HORIZON' })).toEqual(texts(2, 2));
      });

      it('AT_TIMESTAMP: what arrived then or later, and is settled', async () => {
        await harness.append(shard, texts(0, 3));
        await anotherMs();
        const cut = Date.now();
        await anotherMs();
        await harness.append(shard, texts(3, 4));
        const begun = await harness.begin(source, shard, TRIM_HORIZON);
        await begun.unsettled();
        await begun.settle(2);
        expect(await sought(begun, from(cut))).toBeNull();
        await begun.settle(3);
        expect(await sought(begun, from(cut))).toEqual(texts(3, 2));
        expect(await sought(begun, from(Date.now() + 3_600_000))).toBeNull();
        expect(await sought(begun, from(Date.UTC(2015, 0)))).toEqual(texts(0, 5));
      });

      it('BEHIND a checkpoint: what was settled since, as far as the source still has it', async () => {
        await harness.append(shard, texts(0, 6));
        const begun = await harness.begin(source, shard, TRIM_HORIZON);
        await begun.unsettled();
        await begun.settle(1);
        const checkpoint = await begun.checkpoint();
        expect(await sought(begun, { kind: 'BEHIND', checkpoint })).toBeNull();
        await begun.settle(4);
        expect(await sought(begun, { kind: 'BEHIND', checkpoint })).toEqual(texts(1, 4));
        await harness.loseOldest(shard, 3);
        expect(await sought(begun, { kind: 'BEHIND', checkpoint })).toEqual(texts(3, 2));
      });
    });
  });
}

/** The clocks of the source and of this process are the same machine's. */
async function anotherMs(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
