/** The redrive of a shard in Redis (redrive-line.ts): notices are put into it, read from it, and each step of it is one script. */
import { type Ageing, parseAgeing } from '../ageing.ts';
import { redriveLineOf, type NoticeAtWork, memberOf, type Ticket, ticketOf } from '../redrive-line.ts';
import type { Unit } from '../record.ts';
import { isNoPermission, type Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import { fencedBy, type Holding } from './take.ts';

const lua = new URL('./lua/', import.meta.url);
const enqueueScript = loadScript(lua, 'enqueue-6.lua');
const advanceScript = loadScript(lua, 'advance-9.lua');

export interface EnqueuedNotice {
  /** Of its first record. */
  readonly first: string;
  readonly ticket: string;
  /** Absent: it is read in its stream. */
  readonly text?: string;
}

function keysOf(keys: Keys, mapping: string, shardId: string): string[] {
  const state = keys.shard(mapping, redriveLineOf(shardId));
  const line = keys.redrive(mapping, shardId);
  return [
    state,
    line,
    keys.redriveTickets(mapping),
    keys.redriveShards(mapping),
    keys.redrives(),
    keys.redriveTexts(mapping),
  ];
}

/** All of them, or none; for each whether it was put there now. Those that are there already stay as they are. */
export async function enqueueNotices(
  redis: Redis,
  keys: Keys,
  { mapping, shardId }: { readonly mapping: string; readonly shardId: string },
  notices: readonly EnqueuedNotice[],
): Promise<boolean[]> {
  const args = notices.flatMap(({ first, ticket, text }) => [memberOf(first, ticket), ticket, text ?? '']);
  const put = (await enqueueScript.run(redis, keysOf(keys, mapping, shardId), [mapping, shardId, ...args])) as number[];
  return put.map((one) => one === 1);
}

/** Of each name; null: none. */
export async function readTickets(
  redis: Redis,
  keys: Keys,
  mapping: string,
  names: readonly string[],
): Promise<(Ticket | null)[]> {
  if (names.length === 0) return [];
  const texts = await redis.hmget(keys.redriveTickets(mapping), ...names);
  return texts.map((text) => (text === null ? null : (JSON.parse(text) as Ticket)));
}

export async function readNoticeAtWork(
  redis: Redis,
  keys: Keys,
  mapping: string,
  shardId: string,
): Promise<NoticeAtWork> {
  const line = keys.shard(mapping, redriveLineOf(shardId));
  const [current, gaveUp, window] = await redis.hmget(line, 'cur', 'gave', 'win');
  return {
    current: current ?? '',
    gaveUp: JSON.parse(gaveUp || '[]') as NoticeAtWork['gaveUp'],
    window: JSON.parse(window || 'null') as NoticeAtWork['window'],
  };
}

export interface ShardPauses {
  readonly paused: boolean;
  /** Null: it never was. */
  readonly ageing: Ageing | null;
}

/** A paused shard's notices wait with its records. */
export async function readPauses(redis: Redis, keys: Keys, mapping: string, shardId: string): Promise<ShardPauses> {
  const [since, pauses] = await redis.hmget(keys.shard(mapping, shardId), 'ps', 'pz');
  const fields = { pauses: pauses ?? undefined, rewoundTo: undefined, rewoundAt: undefined };
  return { paused: (since ?? '') !== '', ageing: parseAgeing(fields) };
}

/** The first of the waiting line; null: nothing waits. */
export async function firstWaiting(redis: Redis, keys: Keys, mapping: string, shardId: string): Promise<string | null> {
  const [first] = await redis.zrange(keys.redrive(mapping, shardId), '0', '0');
  return first ?? null;
}

export interface Ended {
  readonly member: string;
  /** Null: none is needed any more. */
  readonly ticket: Ticket | null;
}

/** An entry of a failure stream. */
export interface StreamEntry {
  readonly stream: string;
  readonly id: string;
}

export interface Advance {
  /** Stored revision + 1: makes a repeated step harmless. */
  readonly revision: number;
  readonly units: readonly Unit[];
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly why: string;
  readonly atWork: NoticeAtWork;
  readonly staged: { readonly pieces: number; readonly stage: string; readonly stream: string } | null;
  readonly ended: Ended | null;
  /** What goes with the notice that ended; where none did: it is only made sure that it could. */
  readonly remove: StreamEntry | null;
  /** A run begins with it. */
  readonly begins: boolean;
}

export type Advanced =
  | { readonly kind: 'ok'; readonly nowMs: number }
  /** Nothing was written: the shard is paused. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Throws FencedError when the redrive changed hands. Doing it twice is harmless. */
export async function advanceRedrive(
  redis: Redis,
  keys: Keys,
  holding: Holding,
  shardId: string,
  step: Advance,
): Promise<Advanced> {
  const { mapping } = holding.shard;
  const { staged, ended, atWork, remove } = step;
  const state = keys.shard(mapping, redriveLineOf(shardId));
  const run = advanceScript.run(
    redis,
    [
      ...keysOf(keys, mapping, shardId),
      keys.staged(mapping, redriveLineOf(shardId)),
      remove?.stream ?? state,
      keys.shard(mapping, shardId),
    ],
    [
      ...[holding.epoch, holding.nonce, step.revision, mapping, shardId, JSON.stringify(step.units), step.notBefore],
      ...[step.expiresAt, step.why, atWork.current, JSON.stringify(atWork.gaveUp)],
      ...[staged?.pieces ?? 0, staged?.stage ?? '', staged?.stream ?? ''],
      ...[ended?.member ?? '', ended ? ticketOf(ended.member) : '', ended?.ticket ? JSON.stringify(ended.ticket) : ''],
      ...[remove?.id ?? '', step.begins ? '1' : '', atWork.window ? JSON.stringify(atWork.window) : ''],
    ],
  );
  const reply = (await run.catch((error: unknown) => {
    // An ACL is asked for every key that is named.
    if (!remove || !isNoPermission(error)) throw error;
    return ['refused', `the ACL refuses the failure stream ${remove.stream}`];
  })) as string[];
  switch (reply[0]) {
    case 'ok':
    case 'repeated':
      return { kind: 'ok', nowMs: Number(reply[1]) };
    case 'paused':
      return { kind: 'paused' };
    case 'refused':
      return { kind: 'refused', reason: reply[1]! };
    default:
      throw fencedBy(holding, reply[1] ?? '');
  }
}
