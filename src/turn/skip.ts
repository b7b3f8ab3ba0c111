/**
 * Skipping without a turn: what an operator names is given up, up to a record and no further (contract.md, "Acting on a running system").
 * Takes the shard like a turn does, so that whoever is at work is fenced, and everything that was settled stays.
 */
import { randomUUID } from 'node:crypto';
import { FencedError } from '../errors.ts';
import { SKIP_TRIES_MAX } from '../operator-limits.ts';
import { compareIds, type EntryId, type Unit } from '../record.ts';
import { parseState, type ShardState } from '../shard/state.ts';
import { markArrivals } from '../shard/sweep.ts';
import { releaseShard, type Taken, takeShard } from '../shard/take.ts';
import { RedisTime } from '../time.ts';
import { skipNow } from '../unit/skipped.ts';
import { Reading } from './reading.ts';
import type { ShardChanged, TurnSettings, TurnShard } from './settings.ts';
import { Settling } from './settling.ts';
import type { Slice } from './slice.ts';
import { SettleRefused } from './shipping.ts';
import { skipInLanes } from './skip-lanes.ts';
import type { SkipDeps, Skipped, SkipTo } from './skip-types.ts';
import { SpoolLacks } from './spool-reader.ts';

/** The shard as it is, without taking it; null: it has no state. */
export async function lookAt({ redis, keys }: SkipDeps, mapping: string, shardId: string): Promise<ShardState | null> {
  const fields = Object.entries(await redis.hgetall(keys.shard(mapping, shardId))).flat();
  return fields.length === 0 ? null : parseState(fields);
}

/** Skips what is not settled up to `to`: also again, after it was interrupted, and while turns take the shard back in between. */
export async function skipUpTo(
  deps: SkipDeps,
  settings: TurnSettings,
  shard: TurnShard,
  upTo: SkipTo,
): Promise<Skipped> {
  const { redis, keys } = deps;
  const ref = { mapping: settings.mapping, shardId: shard.shardId };
  const counted = { records: 0, closings: 0 };
  for (let tries = 0; tries < SKIP_TRIES_MAX; tries++) {
    const state = await lookAt(deps, ref.mapping, ref.shardId);
    // Whoever has a turn beyond it is left alone.
    if (state && !isBefore(upTo, positionOf(state, upTo), state.units)) return { ...counted, end: 'done' };
    const owner = `operator-${randomUUID()}`;
    const taken = await takeShard(redis, keys, ref, { owner, parents: shard.parents, mode: 'act' });
    if (taken.kind === 'missing' || taken.kind === 'pending-parent') return { ...counted, end: taken.kind };
    if (taken.kind !== 'ok') return { ...counted, end: 'done' };
    try {
      const skipped = taken.state.lanes === null ? skipSome : skipInLanes;
      await skipped(deps, settings, shard, taken, upTo, counted);
      return { ...counted, end: 'done' };
    } catch (error) {
      if (error instanceof SettleRefused) return { ...counted, end: { refused: error.message } };
      if (error instanceof SpoolLacks) return { ...counted, end: { lacks: error.message } };
      if (!(error instanceof FencedError)) throw error;
    } finally {
      const changed: ShardChanged = { ...ref, state: 'changed' };
      await releaseShard(redis, keys, taken.holding, changed);
    }
  }
  return { ...counted, end: 'busy' };
}

async function skipSome(
  { redis, keys, clock, reader, log }: SkipDeps,
  fixed: TurnSettings,
  shard: TurnShard,
  { holding, state, nowMs: takenAt }: Extract<Taken, { kind: 'ok' }>,
  upTo: SkipTo,
  counted: { records: number; closings: number },
): Promise<void> {
  // Lanes that are gone were level: nothing of this one is left.
  if (upTo.lane !== null) return;
  const time = new RedisTime(clock, takenAt);
  const nowMs = () => time.nowMs();
  const settings = () => fixed;
  const mark = () => markArrivals(redis, keys, holding.shard, shard.key);
  const reading = new Reading({ log, reader, nowMs, mark }, settings, shard, state);
  const newId = randomUUID;
  const settling = new Settling({ redis, keys, holding, shard, settings, nowMs, newId, onSettled: () => {} }, state);
  while (isBefore(upTo, settling.checkpoint, settling.units)) {
    const slice = await nextSlice(reading, settling);
    if (slice === 'again') continue;
    const decision = slice && skipNow(fixed.policy, settling.units, slice.records, upTo.to, newId);
    if (!decision) break;
    await settling.apply(decision, slice, reading);
    await settling.commit();
    counted.records += decision.givenUp;
    counted.closings += decision.giveUps.filter(({ closes }) => closes).length;
  }
  await settling.commit();
}

/** Of the shard, or of the lane that is meant; that it is gone is seen with the shard in hand. */
function positionOf({ checkpoint, lanes }: ShardState, { lane }: SkipTo): EntryId {
  return (lane !== null && lanes?.lanes[lane.index]?.checkpoint) || checkpoint;
}

/** Something of it is not settled. */
function isBefore({ to, closing }: SkipTo, checkpoint: EntryId, units: readonly Unit[]): boolean {
  return compareIds(checkpoint, to) < 0 || (closing !== null && units[0]?.requestId === closing);
}

/** The head unit's records, or the next unread ones; null when there are none, or those of a stream that was made anew. */
async function nextSlice(reading: Reading, settling: Settling): Promise<Slice | 'again' | null> {
  const head = settling.units[0];
  if (head) {
    const slice = await reading.unit(head, settling.entriesRead);
    if (slice === null) settling.dropUnits();
    return slice ?? 'again';
  }
  reading.moveTo(settling.checkpoint, settling.entriesRead);
  const next = await reading.next();
  if (next.kind === 'end') return null;
  if (next.kind === 'gap') {
    await settling.applyGap(next.gap);
    await settling.commit();
    return next.gap.newGeneration ? null : 'again';
  }
  if (next.kind === 'passed') {
    settling.pass(next.last, next.count);
    return 'again';
  }
  settling.entriesRead = next.slice.entriesReadBefore;
  return next.slice;
}
