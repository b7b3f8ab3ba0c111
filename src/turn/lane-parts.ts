/** The lanes of a shard for who acts on it without a turn, one lane after another: each with a reading and a writing side of its own. */
import { randomUUID } from 'node:crypto';
import type { Log } from '../observe/log.ts';
import type { EntryId } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { SettleCounts } from '../shard/settle.ts';
import type { ShardState } from '../shard/state.ts';
import type { Holding } from '../shard/take.ts';
import type { LaneBook } from './lane-book.ts';
import { laneSettings } from './lane-filter.ts';
import { Reading } from './reading.ts';
import type { TurnSettings, TurnShard } from './settings.ts';
import { Settling } from './settling.ts';
import { sharedReads } from './shared-reads.ts';
import { spoolReader } from './spool-reader.ts';

export interface LaneReadDeps {
  readonly log: Pick<Log, 'warn'>;
  readonly reader: Pick<RangeReader, 'readAfter'>;
  readonly nowMs: () => number;
  readonly mark: () => Promise<readonly (readonly [EntryId, number])[]>;
}

export interface LaneActDeps extends LaneReadDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly holding: Holding;
  readonly onSettled: (counts: SettleCounts) => void;
}

export interface LanePart {
  readonly settings: () => TurnSettings;
  readonly reading: Reading;
  readonly settling: Settling;
}

/** What all lanes of the shard read by. */
export function laneReader(reader: LaneReadDeps['reader'], shard: TurnShard): LaneReadDeps['reader'] {
  return sharedReads(shard.spooled ? spoolReader(reader) : reader);
}

/** `deps.reader`: of laneReader. `state`: of the shard, as the lane has it. */
export function readingOfLane(
  { log, reader, nowMs, mark }: LaneReadDeps,
  settings: () => TurnSettings,
  shard: TurnShard,
  state: ShardState,
): Reading {
  return new Reading({ log, reader, nowMs, mark, unpacked: true }, settings, shard, state);
}

/** Lane `index` where `book` has it now. */
export function partOf(
  deps: LaneActDeps,
  book: LaneBook,
  index: number,
  settingsNow: () => TurnSettings,
  shard: TurnShard,
  state: ShardState,
): LanePart {
  const { redis, keys, holding, nowMs, onSettled } = deps;
  const own = laneSettings({ index, factor: book.lanes.length });
  const settings = () => own(settingsNow());
  const ofLane: ShardState = { ...state, ...book.lanes[index]! };
  const common = { redis, keys, holding, shard, settings, nowMs, newId: randomUUID, onSettled };
  const settling = new Settling({ ...common, book: book.seat((s) => book.together(index, s)) }, ofLane);
  return { settings, reading: readingOfLane(deps, settings, shard, ofLane), settling };
}
