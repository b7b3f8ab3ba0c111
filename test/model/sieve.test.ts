/** Reading through a filter: whatever the sizes of the reads and the bounds, each record is kept or passed over once, in order. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyName, recordParts } from '../../src/event/parts.ts';
import { compareIds, type EntryId } from '../../src/record.ts';
import type { RawBatch } from '../../src/redis/reader-batch.ts';
import type { RangeReader } from '../../src/redis/reader.ts';
import { type ActiveFilter, type SiftedBatch } from '../../src/turn/gathering.ts';
import { type Place, Sieve } from '../../src/turn/sieve.ts';
import { rawBatch } from '../support/raw-batch.ts';

const PARTS = recordParts({ streamName: 's', spooled: false });
const filter: ActiveFilter = { id: 'f', passes: (batch, i) => keyName(PARTS, batch, i)!.startsWith('+') };

/** A stream of `marks` (true: kept), of which a read gives at most `most` records. */
function streamOf(
  marks: readonly boolean[],
  most: number,
): { reader: RangeReader; all: readonly EntryId[]; reads: number[] } {
  const all = marks.map((_, i) => `${i + 1}-0`);
  const reads: number[] = [];
  const readAfter = (_key: string, after: EntryId, count: number): Promise<RawBatch> => {
    const from = all.findIndex((id) => compareIds(id, after) > 0);
    const ids = from < 0 ? [] : all.slice(from, from + Math.min(count, most));
    reads.push(ids.length);
    const entries = ids.map((id) => {
      const i = all.indexOf(id);
      return { id, fields: [['partitionKey', `${marks[i] ? '+' : '-'}${i}`] as const] };
    });
    const stream = { exists: true, length: all.length, entriesAdded: all.length, firstId: all[0] ?? null };
    const last = all.at(-1) ?? '0-0';
    return Promise.resolve({
      ...rawBatch(entries),
      cut: ids.length === most && from >= 0 && from + most < all.length && count > most,
      stream: { ...stream, lastId: all.at(-1) ?? null, lastGeneratedId: last, maxDeletedId: '0-0' },
    });
  };
  return { all, reads, reader: { readAfter, close: () => Promise.resolve() } };
}

/** Kept records with what is passed behind each, and what is passed before them. */
function told(batch: SiftedBatch): { leading: number; kept: [string, string, number, string][] } {
  const { leading, passed, passedLast } = batch.sifted;
  const kept = batch.ids.map((id, i): [string, string, number, string] => [
    id,
    keyName(PARTS, batch, i)!,
    passed[i]!,
    passedLast[i]!,
  ]);
  return { leading, kept };
}

const marks = fc.oneof(
  fc.array(fc.boolean(), { maxLength: 60 }),
  fc.array(fc.constantFrom(false, false, false, false, true), { maxLength: 200 }),
);

describe('a sieve', () => {
  it('gives as many records as are wanted, and accounts for all others', async () => {
    const run = async (given: readonly boolean[], most: number, wanted: number) => {
      const { reader, all } = streamOf(given, most);
      const sieve = new Sieve(reader, 'key', () => false);
      let place: Place = { after: '0-0', entriesRead: 0 };
      const seen: string[] = [];
      for (let n = 0; ; n++) {
        const batch = await sieve.read(place, wanted, filter);
        const { leading, kept } = told(batch);
        if (batch.sifted.scanned === 0) break;
        expect(n).toBeLessThanOrEqual(all.length);
        const counted = leading + kept.reduce((sum, [, , passed]) => sum + 1 + passed, 0);
        expect(counted).toBe(batch.sifted.scanned);
        // Fewer than wanted only where the stream ends.
        if (kept.length < wanted) expect(batch.sifted.end).toBe(all.at(-1));
        expect(kept.length).toBeLessThanOrEqual(wanted);
        for (const [id, name, passed, last] of kept) {
          seen.push(id);
          expect(name).toBe(`+${Number(id.slice(0, -2)) - 1}`);
          expect(last).toBe(passed === 0 ? '' : all[all.indexOf(id) + passed]);
        }
        place = { after: batch.sifted.end as EntryId, entriesRead: place.entriesRead + batch.sifted.scanned };
      }
      expect(seen).toEqual(all.filter((_, i) => given[i]));
      expect(place.entriesRead).toBe(all.length);
    };
    await fc.assert(fc.asyncProperty(marks, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), run), {
      numRuns: 300,
    });
  });

  it('reads a unit again by its bounds, with what lies between', async () => {
    const bounds = fc.tuple(fc.nat(), fc.nat());
    await fc.assert(
      fc.asyncProperty(
        marks.filter((one) => one.length > 0),
        bounds,
        fc.integer({ min: 1, max: 9 }),
        async (given, [a, b], most) => {
          const { reader, all } = streamOf(given, most);
          const [from, to] = [a % all.length, b % all.length].sort((x, y) => x - y) as [number, number];
          const batch = await new Sieve(reader, 'key', () => false).readAgain(
            all[from]!,
            all[to]!,
            to - from + 1,
            filter,
          );
          expect(batch.ids).toEqual(all.filter((_, i) => i >= from && i <= to && given[i]));
          expect(batch.sifted.scanned).toBe(to - from + 1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('ends a batch where records were lost between two reads: what is behind is another one', async () => {
    const { reader } = streamOf([false, true, false, true, true, true], 2);
    const sieve = new Sieve(reader, 'key', ({ after }) => after === '4-0');
    const first = await sieve.read({ after: '0-0', entriesRead: 0 }, 10, filter);
    expect(first.ids).toEqual(['2-0', '4-0']);
    expect(first.sifted).toMatchObject({ scanned: 4, full: true, end: '4-0' });
  });

  it('reads little more than once when all pass, and looks at nothing twice', async () => {
    const { reader, reads } = streamOf(
      Array.from({ length: 100 }, () => true),
      1_000,
    );
    const sieve = new Sieve(reader, 'key', () => false);
    const first = await sieve.read({ after: '0-0', entriesRead: 0 }, 10, filter);
    await sieve.read({ after: first.sifted.end as EntryId, entriesRead: 10 }, 10, filter);
    expect(reads).toEqual([100]);
  });
});
