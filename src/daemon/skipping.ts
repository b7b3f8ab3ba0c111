/** `millrace mapping skip`: the records at the head of a shard are given up, each with its notice (contract.md, "Acting on a running system"). */
import { MillraceError } from '../errors.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { audit } from '../observe/audit.ts';
import { SKIP_RECORDS_MAX, SKIP_TRIES_MAX } from '../operator-limits.ts';
import { compareIds, type EntryId } from '../record.ts';
import { serverMs } from '../redis/connect.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { FunctionVersion } from '../sandbox/types.ts';
import { sequenceNumberOf } from '../spool.ts';
import type { OneLane, TurnSettings, TurnShard } from '../turn/settings.ts';
import { lookAt, skipUpTo } from '../turn/skip.ts';
import type { Skipped } from '../turn/skip-types.ts';
import { SpoolLacks } from '../turn/spool-reader.ts';
import { unsettled } from '../turn/unsettled.ts';
import { type ActingDeps, noSuchShard, openShard, sameSource, tellShards } from './acting.ts';
import { type FeedingDeps, sourceOf } from './feeding.ts';
import { toSettings } from './mapping-settings.ts';

/** What is to be skipped: the first record of the unit that blocks the shard, so many at its head, or all up to one (inclusive). */
export type SkipWhat = 'blocked' | { readonly records: number } | { readonly to: EntryId };

export interface SkipAct {
  readonly mapping: MappingConfig;
  readonly version: FunctionVersion;
  readonly shardId: string;
  readonly what: SkipWhat;
}

export interface SkipPlan {
  readonly settings: TurnSettings;
  readonly shard: TurnShard;
  readonly records: number;
  readonly first: EntryId;
  /** The last of them: nothing behind it is touched, whatever is settled meanwhile. */
  readonly last: EntryId;
  /** Records of the unit that blocks the shard; 0: it is not blocked. */
  readonly inUnit: number;
  /** What blocks the shard is the end of a window, which is skipped, and no record (`records` 0): id of its unit. */
  readonly closing: string | null;
  /** Only records of this lane are skipped; null: of all of the shard. */
  readonly lane: OneLane | null;
}

type Deps = ActingDeps & FeedingDeps & { readonly reader: RangeReader };

/** @throws MillraceError `mapping-not-found`, `shard-not-found`, `shard-closed`, `source-conflict`, `nothing-to-skip`, `usage` */
export async function planSkip(deps: Deps, { mapping, version, shardId, what }: SkipAct): Promise<SkipPlan> {
  const { name } = mapping;
  await openShard(deps, name, shardId);
  await sameSource(deps, mapping);
  const source = await sourceOf(mapping, deps).describe();
  const shard = source.shards.find((found) => found.shardId === shardId);
  const state = shard && (await lookAt(deps, name, shardId));
  if (!state) throw noSuchShard(name, shardId, []);
  const settings = toSettings(mapping, version, deps.keys, source.arn);
  const head = state.units[0];
  const inUnit = head && head.blockedSince !== null ? head.count : 0;
  if (what === 'blocked' && inUnit === 0) throw notBlocked(name, shardId);
  if (what === 'blocked' && head?.closes) {
    const none = { records: 0, first: state.checkpoint, last: state.checkpoint };
    return { settings, shard, ...none, inUnit, closing: head.requestId, lane: null };
  }
  // Of a shard with lanes it is the blocked lane that is furthest behind.
  const factor = state.lanes?.lanes.length ?? 0;
  const isOneLane = factor > 0 && inUnit > 0 && (what === 'blocked' || 'records' in what);
  const lane = isOneLane ? { index: head!.lane!, factor } : null;
  const nowMs = await serverMs(deps.redis);
  const found = await recordsOf(unsettled(deps, settings, shard, state, nowMs, lane), what);
  if (found === null) throw nothingThere(name, shardId);
  if (found.records > SKIP_RECORDS_MAX) throw tooMany(shardId);
  return { settings, shard, ...found, inUnit, closing: null, lane };
}

interface Found {
  readonly records: number;
  readonly first: EntryId;
  readonly last: EntryId;
}

/** Null: there are none. */
async function recordsOf(ids: AsyncIterable<EntryId>, what: SkipWhat): Promise<Found | null> {
  const to = typeof what === 'object' && 'to' in what ? what.to : null;
  const most = what === 'blocked' ? 1 : 'records' in what ? what.records : SKIP_RECORDS_MAX + 1;
  let records = 0;
  let [start, end]: (EntryId | undefined)[] = [];
  try {
    for await (const id of ids) {
      if (to !== null && compareIds(id, to) > 0) break;
      records++;
      start ??= id;
      end = id;
      if (records === most) break;
    }
  } catch (error) {
    if (error instanceof SpoolLacks) throw lacking(error.message);
    throw error;
  }
  return start === undefined || end === undefined ? null : { records, first: start, last: end };
}

/** Does what was planned. Resolves with what was skipped; the rest was settled otherwise meanwhile. */
export async function skip(deps: Deps, { mapping, shardId }: SkipAct, plan: SkipPlan): Promise<Skipped> {
  const { settings, shard, records, first, last, closing, lane } = plan;
  const name = (id: EntryId) => sequenceNumberOf(id, settings.spooled);
  const some = `${records} ${records === 1 ? 'record' : 'records'}${lane ? ` of lane ${lane.index}` : ''}, ${name(first)} to ${name(last)}`;
  const detail = closing === null ? some : `the end of a window, behind ${name(last)}`;
  // It may end halfway, so it is audited first.
  await audit(deps.redis, deps.keys, { command: 'mapping skip', mapping: mapping.name, shard: shardId, detail });
  try {
    const skipped = await skipUpTo(deps, settings, shard, { to: last, closing, lane });
    if (skipped.end === 'done') {
      if (skipped.records + skipped.closings === 0) throw nothingThere(mapping.name, shardId);
      return skipped;
    }
    throw stopped(mapping.name, shardId, skipped.records, skipped.end);
  } finally {
    await tellShards(deps, mapping.name, [shardId], 'hurry');
  }
}

function notBlocked(mapping: string, shardId: string): MillraceError {
  return new MillraceError('nothing-to-skip', `${shardId} of mapping ${mapping} is not blocked`, {
    hint: 'millrace status shows what is; --records N skips the next ones of a shard that is not blocked',
  });
}

function nothingThere(mapping: string, shardId: string): MillraceError {
  const what = `${shardId} of mapping ${mapping} has no unsettled record there`;
  return new MillraceError('nothing-to-skip', what, {
    hint: 'millrace status shows its checkpoint, and what blocks it',
  });
}

function tooMany(shardId: string): MillraceError {
  return new MillraceError('usage', `more than ${SKIP_RECORDS_MAX} records of ${shardId} lie up to there`, {
    hint: `skip them in parts: --records ${SKIP_RECORDS_MAX} at a time`,
  });
}

function lacking(what: string): MillraceError {
  return new MillraceError('mapping-busy', what, { hint: 'a daemon with the poller role does that; try again' });
}

function stopped(
  mapping: string,
  shardId: string,
  records: number,
  end: Exclude<Skipped['end'], 'done'>,
): MillraceError {
  const sofar = `; ${records} were skipped before`;
  if (typeof end === 'object' && 'lacks' in end) return lacking(end.lacks + sofar);
  if (typeof end === 'object') {
    const what = `a failure notice of ${shardId} cannot be written, and nothing is skipped without it: ${end.refused}`;
    return new MillraceError('skip-refused', what + sofar, { hint: 'see to the failure destination, then try again' });
  }
  if (end === 'missing') return noSuchShard(mapping, shardId, []);
  if (end === 'pending-parent')
    return new MillraceError('nothing-to-skip', `${shardId} of mapping ${mapping} waits for its parents`, {
      hint: 'nothing of it is read before they are settled: millrace status shows what blocks them',
    });
  const what = `turns took ${shardId} of ${mapping} ${SKIP_TRIES_MAX} times in a row${sofar}`;
  return new MillraceError('mapping-busy', what, { hint: 'pause the shard first, or try again' });
}
