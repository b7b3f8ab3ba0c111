/**
 * Expiry without a turn: what is overdue on a shard that nobody runs is given up at its time, whether or not an executor has a slot
 * (contract.md, "Failure notices"). Takes the shard like a turn does, so that it cannot meet one.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from '../redis/connect.ts';
import { QUANTUM_MS, REFUSED_PAUSE_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { Keys } from '../redis/keys.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { SettleCounts } from '../shard/settle.ts';
import { markArrivals } from '../shard/sweep.ts';
import { releaseShard, takeShard, type Taken } from '../shard/take.ts';
import { type Clock, RedisTime } from '../time.ts';
import { expireNow, overdueAt } from '../unit/expiry.ts';
import type { UnitPolicy } from '../unit/types.ts';
import { Reading } from './reading.ts';
import type { Slice } from './slice.ts';
import type { HandBack, TurnMapping, TurnSettings, TurnShard } from './settings.ts';
import { Settling, ShardPaused } from './settling.ts';
import { SettleRefused } from './shipping.ts';

export interface ExpireDeps {
  readonly daemonId: string;
  readonly redis: Redis;
  readonly reader: RangeReader;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSettled: (mapping: string, counts: SettleCounts) => void;
}

/** Where the shard stands afterwards; null when somebody alive has it, who will see to it. `deadOwner`: a daemon that is known to be gone. */
export async function expireShard(
  deps: ExpireDeps,
  mapping: TurnMapping,
  shard: TurnShard,
  deadOwner: string,
): Promise<HandBack | null> {
  const { redis, keys, clock } = deps;
  const ref = { mapping: mapping.name, shardId: shard.shardId };
  const owner = deps.daemonId;
  const taken = await takeShard(redis, keys, ref, { owner, parents: shard.parents, mode: 'idle', deadOwner });
  if (taken.kind !== 'ok') return null;
  const time = new RedisTime(clock, taken.nowMs);
  const nowMs = () => time.nowMs();
  const settings = () => mapping.settings();
  const { state, holding } = taken;
  if (state.lanes !== null) return await leaveToTurn(deps, mapping, taken);
  const mark = () => markArrivals(redis, keys, ref, shard.key);
  const newestWindowEnd = () => state.window?.newest.end ?? 0;
  const read = { log: deps.log.child(ref), reader: deps.reader, nowMs, mark, newestWindowEnd };
  const reading = new Reading(read, settings, shard, state);
  const onSettled = (counts: SettleCounts) => deps.onSettled(mapping.name, counts);
  const settling = new Settling({ redis, keys, holding, shard, settings, nowMs, newId: randomUUID, onSettled }, state);
  let left = { more: false, nextAt: 0 };
  try {
    left = await expireSome(reading, settling, settings, nowMs);
  } catch (error) {
    if (error instanceof SettleRefused) {
      const what = 'a failure notice cannot be written; nothing is given up without it';
      deps.log.error({ ...ref, reason: error.message }, what);
      left = { more: true, nextAt: nowMs() + REFUSED_PAUSE_MS };
    } else if (error instanceof ShardPaused) left = { more: true, nextAt: 0 };
    else {
      // Whatever it was: nobody may find the shard owned by somebody who does nothing with it.
      const back = { ...ref, state: 'queued', checkpoint: state.checkpoint, settledAt: state.settledAt };
      const windowDueAt = settling.windows.lookAt(nowMs());
      await releaseShard(redis, keys, holding, { ...back, dueAt: 0, until: 0, expiresAt: 0, windowDueAt });
      throw error;
    }
  }
  const waits = settling.units.length > 0 && settling.notBefore > nowMs();
  const handBack: HandBack = {
    ...{ ...ref, state: waits ? 'parked' : left.more ? 'queued' : 'watch', checkpoint: settling.checkpoint },
    ...{ dueAt: 0, until: waits ? settling.notBefore : 0, settledAt: state.settledAt },
    expiresAt: left.nextAt > 0 ? left.nextAt : settling.expiresAt,
    windowDueAt: settling.windows.lookAt(nowMs()),
  };
  await releaseShard(redis, keys, holding, handBack);
  return handBack;
}

/** Where the shard has lanes a turn gives up what is overdue, before anything else of its lane. */
async function leaveToTurn(
  { redis, keys }: ExpireDeps,
  mapping: TurnMapping,
  { holding, state }: Extract<Taken, { kind: 'ok' }>,
): Promise<HandBack> {
  const { shardId } = holding.shard;
  const { checkpoint, settledAt } = state;
  const back = { mapping: mapping.name, shardId, state: 'queued' as const, checkpoint, settledAt };
  const handBack: HandBack = { ...back, dueAt: 0, windowDueAt: 0, until: 0, expiresAt: 0 };
  await releaseShard(redis, keys, holding, handBack);
  return handBack;
}

/**
 * Gives up what is overdue, for at most QUANTUM_MS: a long backlog is done in parts, so that other shards' expiry is on time and a turn may
 * come between. `more`: records are left; `nextAt`: Redis ms of the next expiry where no unit says so, 0: none.
 */
async function expireSome(
  reading: Reading,
  settling: Settling,
  settings: () => TurnSettings,
  nowMs: () => number,
): Promise<{ more: boolean; nextAt: number }> {
  const endsAt = nowMs() + QUANTUM_MS;
  for (;;) {
    const slice = await nextSlice(reading, settling);
    if (slice === 'passed') {
      if (nowMs() < endsAt) continue;
      await settling.commit();
      return { more: true, nextAt: 0 };
    }
    if (slice === 'other-filter') return { more: true, nextAt: 0 };
    if (!slice) {
      await settling.commit();
      return { more: false, nextAt: 0 };
    }
    const { policy } = settings();
    const nextAt = settling.units.length === 0 ? strictlyOverdueAt(policy, slice) : 0;
    const decision = nowMs() < endsAt ? expireNow(policy, settling.units, slice.records, nowMs(), randomUUID) : null;
    if (!decision) {
      settling.correctExpiry(slice, reading);
      await settling.commit();
      return { more: true, nextAt };
    }
    await settling.apply(decision, slice, reading);
    await settling.commit();
  }
}

/** When the next unread record is given up untried; 0: never. */
function strictlyOverdueAt(policy: UnitPolicy, { records }: Slice): number {
  return policy.age.kind === 'strict' ? (overdueAt(policy, records[0]!) ?? 0) : 0;
}

/** The head unit's records, or the next unread ones; null when there are none (a gap is left to the turn that the caller wakes). */
async function nextSlice(reading: Reading, settling: Settling): Promise<Slice | 'passed' | 'other-filter' | null> {
  const head = settling.units[0];
  if (head) return (await reading.unit(head, settling.entriesRead)) ?? 'other-filter';
  reading.moveTo(settling.checkpoint, settling.entriesRead);
  const next = await reading.next();
  if (next.kind === 'passed') {
    settling.pass(next.last, next.count);
    return 'passed';
  }
  if (next.kind !== 'slice') return null;
  settling.entriesRead = next.slice.entriesReadBefore;
  return next.slice;
}
