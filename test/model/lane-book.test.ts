/**
 * What lanes store together (src/turn/lane-book.ts) against a plain model that knows of each record whether it is settled: the checkpoint has
 * nothing unsettled behind it, the positions say exactly what is settled above it, also to a daemon that takes over, and no lane runs too far ahead.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LANE_AHEAD_RECORDS_MAX } from '../../src/lane-limits.ts';
import { parseLanes } from '../../src/lanes.ts';
import type { EntryId, Unit } from '../../src/record.ts';
import type { Settlement } from '../../src/shard/settle.ts';
import { parseState } from '../../src/shard/state.ts';
import { isFree, LaneBook } from '../../src/turn/lane-book.ts';

const RUNS = 500;
/** A record of the model stands for so many entries, of which the others are of no lane's business. */
const ENTRIES_EACH = 20_000;

interface Step {
  readonly lane: number;
  readonly does: 'deliver' | 'fail' | 'settle' | 'refused' | 'takeover';
  readonly count: number;
  readonly at: number;
}

const stepOf = fc.record<Step>({
  lane: fc.nat(9),
  does: fc.constantFrom('deliver', 'deliver', 'settle', 'settle', 'settle', 'fail', 'refused', 'takeover'),
  count: fc.integer({ min: 1, max: 4 }),
  at: fc.integer({ min: 1, max: 1_000 }),
});
const historyOf = fc.record({
  factor: fc.integer({ min: 2, max: 10 }),
  records: fc.array(fc.nat(9), { minLength: 1, maxLength: 40, size: 'max' }),
  steps: fc.array(stepOf, { minLength: 1, maxLength: 60, size: 'max' }),
});

const idOf = (record: number): EntryId => `${record + 1}-0`;

class Shard {
  readonly factor: number;
  readonly #laneOf: readonly number[];
  readonly settled = new Set<number>();
  /** As in Redis. */
  fields: Record<string, string> = { cp: '0-0', read: '0', units: '[]', rev: '0', gen: '0' };
  book: LaneBook;

  constructor(factor: number, records: readonly number[]) {
    this.factor = factor;
    this.#laneOf = records.map((lane) => lane % factor);
    this.book = this.takenOver();
  }

  takenOver(): LaneBook {
    return new LaneBook(parseState(Object.entries(this.fields).flat()), this.factor);
  }

  get records(): number {
    return this.#laneOf.length;
  }

  isOf(record: number, lane: number): boolean {
    return this.#laneOf[record] === lane;
  }

  /** The lane's next records behind its stored position. */
  next(lane: number, count: number): number[] {
    const from = Number(this.book.lanes[lane]!.checkpoint.split('-')[0]);
    return this.#laneOf.flatMap((of, record) => (of === lane && record >= from ? [record] : [])).slice(0, count);
  }

  /** Through the book, and, unless it is refused, into the state as the settle's script writes it. */
  async settle(lane: number, s: Partial<Settlement>, refused = false): Promise<void> {
    const seat = this.book.seat((settlement) => this.book.together(lane, settlement));
    const before = this.book.lanes[lane]!;
    const part = { checkpoint: null, entriesRead: before.entriesRead, units: before.units, ...s };
    const settlement: Settlement = {
      ...{ revision: 0, generation: 0, notBefore: 0, expiresAt: 0, blocked: '', lastProcessingResult: null },
      ...{ why: '', done: false, notices: [] },
      counts: { succeeded: 0, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 },
      ...part,
    };
    await seat.oneByOne(() => {
      const { checkpoint, entriesRead, units, lanes, notBefore, expiresAt, blocked } = seat.compose(settlement);
      if (refused) return Promise.resolve();
      const moved = checkpoint === null ? {} : { cp: checkpoint, read: String(entriesRead) };
      const texts = { nb: String(notBefore), exp: String(expiresAt), blk: blocked, units: JSON.stringify(units) };
      this.fields = { ...this.fields, ...moved, ...texts, lanes: JSON.stringify(lanes) };
      seat.settled({ kind: 'ok', nowMs: 1, paused: false });
      return Promise.resolve();
    });
  }
}

function unitOver(records: readonly number[], more: Partial<Unit>): Unit {
  const [first, last] = [idOf(records[0]!), idOf(records.at(-1)!)];
  const fresh = { requestId: first, deliveries: 1, failures: 0, lost: 1, blockedSince: null, lastError: null };
  return { first, last, count: records.length, ...fresh, triedVersion: null, ...more };
}

async function take(shard: Shard, { lane: n, does, count, at }: Step): Promise<void> {
  const lane = n % shard.factor;
  if (does === 'takeover') {
    const { lanes } = shard.book;
    shard.book = shard.takenOver();
    const placed = (all: LaneBook['lanes']) => all.map(({ settledAt: _settledAt, ...rest }) => rest);
    // Nothing that was stored is forgotten, and nothing that was refused is in it.
    expect(placed(shard.book.lanes)).toEqual(placed(lanes));
    return;
  }
  const { units, entriesRead } = shard.book.lanes[lane]!;
  const head = units[0];
  const inHand = head && shard.next(lane, head.count);
  if (does === 'deliver') {
    const records = shard.next(lane, count);
    if (head || records.length === 0 || !isFree(shard.book.lanes[lane]!, shard.book.lanes)) return;
    const low = Math.min(...shard.book.lanes.map((other) => other.entriesRead));
    expect(entriesRead - low).toBeLessThan(LANE_AHEAD_RECORDS_MAX);
    await shard.settle(lane, { units: [unitOver(records, {})], expiresAt: at });
  } else if (!head || !inHand) return;
  else if (does === 'fail') {
    const failed = { failures: head.failures + 1, blockedSince: at, lost: 0 };
    await shard.settle(lane, {
      units: [unitOver(inHand, failed)],
      notBefore: at,
      expiresAt: at,
      blocked: `{"l":${lane}}`,
    });
  } else {
    const gone = inHand.slice(0, count);
    const rest = inHand.slice(count);
    const checkpoint = idOf(gone.at(-1)!);
    const read = (gone.at(-1)! + 1) * ENTRIES_EACH;
    const left = rest.length > 0 ? [unitOver(rest, {})] : [];
    await shard.settle(lane, { checkpoint, entriesRead: read, units: left }, does === 'refused');
    if (does === 'refused') return;
    for (const record of gone) {
      expect(shard.settled.has(record), `record ${record} was settled before`).toBe(false);
      shard.settled.add(record);
    }
  }
}

/** What is stored is true of the model. */
function check(shard: Shard): void {
  const checkpoint = Number(shard.fields['cp']!.split('-')[0]);
  const stored = parseLanes(shard.fields['lanes'])?.lanes ?? shard.book.lanes;
  for (let record = 0; record < shard.records; record++) {
    const lane = stored.findIndex((_, i) => shard.isOf(record, i));
    const isBehind = record < Number(stored[lane]!.checkpoint.split('-')[0]);
    // Neither is one taken for settled that is not, nor does one run again that is.
    expect(isBehind, `record ${record}`).toBe(shard.settled.has(record));
    if (record < checkpoint) expect(shard.settled.has(record)).toBe(true);
  }
  const lowest = Math.min(...stored.map((lane) => Number(lane.checkpoint.split('-')[0])));
  expect(checkpoint).toBe(lowest);
  const units = JSON.parse(shard.fields['units']!) as Unit[];
  expect(new Set(units.map(({ lane }) => lane)).size).toBe(units.length);
  const blocked = units.filter((unit) => unit.blockedSince !== null);
  // Blocked ones come first, and the one that is furthest behind is what the shard says.
  expect(units.slice(0, blocked.length)).toEqual(blocked);
  const behind = blocked.toSorted((a, b) => parseInt(a.first, 10) - parseInt(b.first, 10))[0];
  expect(shard.fields['blk'] ?? '').toBe(behind ? `{"l":${behind.lane}}` : '');
  const expiries = stored.map(({ expiresAt }) => expiresAt).filter((at) => at > 0);
  expect(Number(shard.fields['exp'] ?? 0)).toBe(expiries.length > 0 ? Math.min(...expiries) : 0);
}

test(
  `${RUNS} histories of lanes that deliver, fail, settle, are refused and taken over`,
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(historyOf, async ({ factor, records, steps }) => {
        const shard = new Shard(factor, records);
        for (const step of steps) {
          await take(shard, step);
          check(shard);
        }
      }),
      { numRuns: RUNS },
    );
  },
);
