/**
 * Skipping where the shard has lanes: of each lane that is meant what it has not settled is given up, up to a record. What lanes settled above
 * the shard's checkpoint lies behind their positions, so it is not met again.
 */
import { randomUUID } from 'node:crypto';
import { lowestOf } from '../lanes.ts';
import { compareIds, type Unit } from '../record.ts';
import type { ShardState } from '../shard/state.ts';
import { markArrivals } from '../shard/sweep.ts';
import type { Taken } from '../shard/take.ts';
import { RedisTime } from '../time.ts';
import { startUnit } from '../unit/pieces.ts';
import { skipNow } from '../unit/skipped.ts';
import type { RecordTime } from '../unit/types.ts';
import type { Gap } from './gap.ts';
import { LaneBook } from './lane-book.ts';
import { isFreeOf, settleGap } from './lane-gap.ts';
import { type LaneActDeps, type LanePart, laneReader, partOf } from './lane-parts.ts';
import type { TurnSettings, TurnShard } from './settings.ts';
import { Settling } from './settling.ts';
import type { SkipDeps, SkipTo } from './skip-types.ts';
import type { Slice } from './slice.ts';

type Counted = { records: number };

export async function skipInLanes(
  { redis, keys, clock, reader, log }: SkipDeps,
  fixed: TurnSettings,
  shard: TurnShard,
  { holding, state: taken, nowMs: takenAt }: Extract<Taken, { kind: 'ok' }>,
  upTo: SkipTo,
  counted: Counted,
): Promise<void> {
  const factor = taken.lanes!.lanes.length;
  // Others since it was planned: those were level before, so nothing of this one is left.
  if (upTo.lane !== null && upTo.lane.factor !== factor) return;
  const time = new RedisTime(clock, takenAt);
  const mark = () => markArrivals(redis, keys, holding.shard, shard.key);
  const act = { redis, keys, holding, nowMs: () => time.nowMs(), onSettled: () => {} };
  const deps: LaneActDeps = { ...act, log, reader: laneReader(reader, shard), mark };
  const state = spared(taken, upTo);
  const book = new LaneBook(state, factor);
  const settings = () => fixed;
  const chosen = book.lanes.map((_, i) => i).filter((i) => upTo.lane === null || upTo.lane.index === i);
  for (let anew = true; anew;) {
    anew = false;
    for (const i of chosen) {
      const gap = await skipLane(partOf(deps, book, i, settings, shard, state), upTo, counted);
      // Another lane that holds records there comes first; the turn that follows sees the gap as well.
      if (gap === null || !isFreeOf(book.lanes, gap)) continue;
      await settleGap(book, gap, (compose) => {
        const head = { ...state, ...lowestOf(book.lanes), units: [] };
        return new Settling({ ...act, shard, settings, newId: randomUUID, book: book.seat(compose) }, head);
      });
      anew = !gap.newGeneration;
      break;
    }
  }
}

/** A gap: the source lost records behind those that were skipped. */
async function skipLane(part: LanePart, upTo: SkipTo, counted: Counted): Promise<Gap | null> {
  const { settings, reading, settling } = part;
  while (compareIds(settling.checkpoint, upTo.to) < 0) {
    const next = await nextOf(part, upTo);
    if (next === 'again') continue;
    if (next === null || 'gap' in next) {
      await settling.commit();
      return next && next.gap;
    }
    const { slice, records } = next;
    const decision = skipNow(settings().policy, settling.units, records, upTo.to, randomUUID);
    if (!decision) break;
    await settling.apply(decision, slice, reading);
    await settling.commit();
    counted.records += decision.givenUp;
  }
  await settling.commit();
  return null;
}

interface Found {
  readonly slice: Slice;
  readonly records: readonly RecordTime[];
}

/** The head unit's records, or the next unread ones up to there, as a unit; null: there are none. */
async function nextOf({ reading, settling }: LanePart, { to }: SkipTo): Promise<Found | { gap: Gap } | 'again' | null> {
  const head = settling.units[0];
  if (head) {
    const slice = await reading.unit(head, settling.entriesRead);
    if (slice !== null) return { slice, records: slice.records };
    settling.dropUnits();
    return 'again';
  }
  reading.moveTo(settling.checkpoint, settling.entriesRead);
  const next = await reading.next();
  if (next.kind === 'end') return null;
  if (next.kind === 'gap') return { gap: next.gap };
  if (next.kind === 'passed') {
    settling.pass(next.last, next.count, next.others);
    return 'again';
  }
  const { slice } = next;
  const records = slice.records.filter(({ id }) => compareIds(id, to) <= 0);
  if (records.length === 0) return null;
  await settling.commit();
  settling.entriesRead = slice.entriesReadBefore;
  // A unit, so that the records of other lanes between them are counted with it.
  settling.units = [startUnit(records, randomUUID(), slice.filterId)];
  return { slice, records };
}

/** What runs in lanes of which nothing is skipped is cut short by the act: that was not the function's doing, and it runs again at once. */
function spared(state: ShardState, { to, lane }: SkipTo): ShardState {
  const isSkipped = (unit: Unit) => (lane === null || unit.lane === lane.index) && compareIds(unit.first, to) <= 0;
  const cutShort = state.units.filter((unit) => unit.lost > 0 && !isSkipped(unit));
  const lanes = state.lanes!.lanes.map((at, i) =>
    cutShort.some((unit) => unit.lane === i) ? { ...at, notBefore: 0 } : at,
  );
  const units = state.units.map((unit) => (cutShort.includes(unit) ? { ...unit, lost: unit.lost - 1 } : unit));
  return { ...state, units, lanes: { lanes } };
}
