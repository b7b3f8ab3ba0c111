/** The records of a shard that are not settled, by a look at it: nothing is taken, and nothing written. */
import { compareIds, type EntryId } from '../record.ts';
import type { ShardState } from '../shard/state.ts';
import { settingsOfLane } from './lane-filter.ts';
import { laneReader, readingOfLane } from './lane-parts.ts';
import { Reading } from './reading.ts';
import type { OneLane, TurnSettings, TurnShard } from './settings.ts';
import type { SkipDeps } from './skip-types.ts';

/** In order. `nowMs`: Redis ms. `lane`: of that one only; null: of all of the shard, without what lanes settled above the checkpoint. */
export function unsettled(
  { reader, log }: SkipDeps,
  settings: TurnSettings,
  shard: TurnShard,
  state: ShardState,
  nowMs: number,
  lane: OneLane | null,
): AsyncGenerator<EntryId> {
  const mark = () => Promise.resolve(state.marks);
  const deps = { log, reader, nowMs: () => nowMs, mark };
  const stored = state.lanes?.lanes;
  if (!stored) return recordsOf(new Reading(deps, () => settings, shard, state), state);
  const shared = { ...deps, reader: laneReader(reader, shard) };
  const lanes = stored.map((at, index) => {
    const made = settingsOfLane(settings, { index, factor: stored.length });
    const ofLane = { ...state, ...at, units: state.units.filter((unit) => unit.lane === index) };
    return recordsOf(
      readingOfLane(shared, () => made, shard, ofLane),
      ofLane,
    );
  });
  return lane === null ? merged(lanes) : lanes[lane.index]!;
}

/** As they would run, of a shard without lanes or of one lane. */
async function* recordsOf(reading: Reading, state: ShardState): AsyncGenerator<EntryId> {
  let [after, entriesRead] = [state.checkpoint, state.entriesRead];
  for (const unit of state.units) {
    // The end of a window, which is no record.
    if (unit.closes) continue;
    const slice = await reading.unit(unit, entriesRead);
    // Made by another filter: its records are read anew, as the next turn does.
    if (slice === null) break;
    for (const { id } of slice.records) yield id;
    after = unit.passes?.end ?? unit.last;
    entriesRead += unit.count + (unit.passes?.count ?? 0) + (unit.passes?.others ?? 0);
  }
  reading.moveTo(after, entriesRead);
  for (let next = await reading.next(); next.kind !== 'end'; next = await reading.next())
    if (next.kind === 'slice') for (const { id } of next.slice.records) yield id;
}

async function* merged(lanes: readonly AsyncGenerator<EntryId>[]): AsyncGenerator<EntryId> {
  const heads: (EntryId | null)[] = [];
  const nextOf = async (i: number) => {
    const { value, done } = await lanes[i]!.next();
    heads[i] = done === true ? null : value;
  };
  for (const i of lanes.keys()) await nextOf(i);
  for (;;) {
    let first = -1;
    for (const [i, id] of heads.entries())
      if (id !== null && (first < 0 || compareIds(id, heads[first]!) < 0)) first = i;
    if (first < 0) return;
    yield heads[first]!;
    await nextOf(first);
  }
}
