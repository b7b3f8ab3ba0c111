/** What of a mapping's failures is being redriven (redrive-line.ts), for `status`. */
import { STATUS_SHARDS_PER_CALL } from '../limits.ts';
import type { Unit } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { readTicketName, redriveLineOf, ticketOf } from '../redrive-line.ts';
import { sequenceNumberOf } from '../spool.ts';
import type { RedriveBlocked, RedriveStatus } from './status-types.ts';

export interface RedriveSurroundings {
  readonly nowMs: number;
  readonly disabled: boolean;
  readonly liveDaemons: ReadonlySet<string>;
  /** Positions are another system's. */
  readonly spooled: boolean;
}

const FIELDS = ['owner', 'epoch', 'units', 'nb', 'exp', 'why', 'cur'] as const;

type Reply = readonly (string | null)[];

/** By shard id. Also of shards that are not read any more: their notices run all the same. */
export async function readRedrives(
  redis: Redis,
  keys: Keys,
  mapping: string,
  around: RedriveSurroundings,
): Promise<RedriveStatus[]> {
  const shardIds = (await redis.smembers(keys.redriveShards(mapping))).toSorted();
  const found: RedriveStatus[] = [];
  for (let i = 0; i < shardIds.length; i += STATUS_SHARDS_PER_CALL) {
    const some = shardIds.slice(i, i + STATUS_SHARDS_PER_CALL);
    const pipeline = redis.pipeline();
    for (const shardId of some) {
      pipeline.zcard(keys.redrive(mapping, shardId));
      pipeline.hmget(keys.shard(mapping, redriveLineOf(shardId)), ...FIELDS);
      pipeline.hget(keys.shard(mapping, shardId), 'ps');
    }
    const replies = ((await pipeline.exec()) ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
    some.forEach((shardId, at) => {
      const [notices, fields, pausedAt] = replies.slice(3 * at, 3 * at + 3) as [number, Reply, string | null];
      found.push(redriveStatus(shardId, notices, fields, { ...around, paused: Number(pausedAt ?? 0) > 0 }));
    });
  }
  return found;
}

function redriveStatus(
  shardId: string,
  notices: number,
  fields: Reply,
  around: RedriveSurroundings & { readonly paused: boolean },
): RedriveStatus {
  const field = (name: (typeof FIELDS)[number]) => fields[FIELDS.indexOf(name)] ?? '';
  const [head] = JSON.parse(field('units') || '[]') as Unit[];
  const why = field('why');
  const times = { notBefore: Number(field('nb')), expiresAt: around.paused ? 0 : Number(field('exp')) };
  const blocked = head && blockedBy(head, why, readTicketName(ticketOf(field('cur'))).id, times, around);
  const running = around.liveDaemons.has(field('owner'));
  return {
    ...{ shardId, notices },
    state:
      around.disabled || around.paused ? 'paused' : blocked || why !== '' ? 'blocked' : running ? 'running' : 'waiting',
    ...(why === '' ? {} : { why }),
    blocked: blocked ?? null,
  };
}

/** Null: it has not failed. */
function blockedBy(
  head: Unit,
  why: string,
  notice: string,
  { notBefore, expiresAt }: { readonly notBefore: number; readonly expiresAt: number },
  { nowMs, spooled }: RedriveSurroundings,
): RedriveBlocked | null {
  if (head.blockedSince === null && why === '') return null;
  return {
    notice,
    sequenceNumber: sequenceNumberOf(head.first, spooled),
    since: head.blockedSince === null ? null : iso(head.blockedSince),
    ...{ attempts: head.deliveries, requestId: head.requestId, recordsInUnit: head.closes ? 0 : head.count },
    lastError: head.lastError,
    nextAttemptAt: iso(Math.max(notBefore, nowMs)),
    expiresAt: expiresAt > 0 ? iso(expiresAt) : null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
