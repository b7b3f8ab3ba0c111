/** Giving up what is overdue at the head of a shard, or of one of its lanes, by whoever holds it. */
import { randomUUID } from 'node:crypto';
import { expireNow, overdueAt } from '../unit/expiry.ts';
import type { UnitPolicy } from '../unit/types.ts';
import type { LanePart } from './lane-parts.ts';
import type { Reading } from './reading.ts';
import type { Settling } from './settling.ts';
import type { HandBack } from './settings.ts';
import type { Slice } from './slice.ts';

/** Where a shard stands. */
export type Standing = Omit<HandBack, 'mapping' | 'shardId'>;

export interface Expiring {
  /** Gives up what is overdue, until `endsAt` (Redis ms). @throws SettleRefused, ShardPaused */
  run(endsAt: number): Promise<Left>;
  stands(left: Left): Standing;
}

export interface Left {
  /** There are records. */
  readonly more: boolean;
  /** Redis ms of the next expiry where no unit says so; 0: none. */
  readonly nextAt: number;
}

/** Until `endsAt` (Redis ms): a long backlog is done in parts, so that other shards' expiry is on time and a turn may come between. */
export async function expireSome(
  { reading, settling, settings }: LanePart,
  nowMs: () => number,
  endsAt: number,
): Promise<Left> {
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
