/** Reads a stream's records as they come, children after their parents. For looking at a stream; mappings read in their own way. */
import { MillraceError } from '../../src/errors.ts';
import { TAIL_BLOCK_MS, TAIL_READ_RECORDS } from '../../src/limits.ts';
import { AFTER_ALL, BEFORE_ALL, type EntryId, previousId, shardIdOf } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { readStreamInfo } from './stream-info.ts';
import { FULL_RANGE, readTopology, type StreamShard, wrongTypeOr } from './topology.ts';

/** `id`: from this one on. */
export type TailFrom = { readonly kind: 'TRIM_HORIZON' | 'LATEST' } | { readonly kind: 'id'; readonly id: EntryId };

export interface TailOptions {
  readonly stream: string;
  readonly from: TailFrom;
  /** Only this shard; ends when it is closed and read. */
  readonly shardId?: string;
  /** false: ends when everything that is there was read. */
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}

export interface TailRecord {
  readonly shardId: string;
  readonly id: EntryId;
  /** Field names and values as they are. */
  readonly fields: readonly (readonly [string, Buffer])[];
}

interface Reading {
  shard: StreamShard;
  cursor: EntryId;
  done: boolean;
}

/** Rejects with `shard-not-found`, `stream-wrong-type`. A stream that does not exist yet is waited for, unless `follow` is false. */
export async function* tailStream(redis: Redis, keys: Keys, options: TailOptions): AsyncGenerator<TailRecord> {
  const readings = new Map<string, Reading>();
  let refreshedAt = -Infinity;
  while (!options.signal?.aborted) {
    if (performance.now() - refreshedAt >= TAIL_BLOCK_MS) {
      await refresh(redis, keys, options, readings, refreshedAt === -Infinity);
      refreshedAt = performance.now();
    }
    const active = activeOf(readings);
    if (active.length === 0) return;
    const reply = await read(redis, active, options.follow);
    for (const [key, entries] of reply) {
      const reading = active.find(({ shard }) => shard.key === key)!;
      for (const [id, fields] of entries) {
        reading.cursor = id;
        yield { shardId: reading.shard.shardId, id, fields };
      }
    }
    // It was closed before this read, and the read found nothing more in it.
    const answered = new Set(reply.map(([key]) => key));
    const ended = active.filter(({ shard }) => shard.closed && !answered.has(shard.key));
    for (const reading of ended) reading.done = true;
    if (!options.follow && reply.length === 0 && ended.length === 0) return;
  }
}

function activeOf(readings: ReadonlyMap<string, Reading>): Reading[] {
  return [...readings.values()].filter(
    ({ shard, done }) => !done && shard.parents.every((parent) => readings.get(parent)?.done ?? true),
  );
}

async function refresh(redis: Redis, keys: Keys, options: TailOptions, readings: Map<string, Reading>, first: boolean) {
  for (const shard of await shardsOf(redis, keys, options)) {
    const known = readings.get(shard.shardId);
    if (known) known.shard = shard;
    else readings.set(shard.shardId, await begin(redis, shard, options.from, first));
  }
}

/** A shard that appears later is read from its beginning. */
async function begin(redis: Redis, shard: StreamShard, from: TailFrom, first: boolean): Promise<Reading> {
  if (from.kind === 'id') return { shard, cursor: previousId(from.id), done: false };
  if (from.kind === 'TRIM_HORIZON' || !first) return { shard, cursor: BEFORE_ALL, done: false };
  const last = (await readStreamInfo(redis, shard.key))?.lastGeneratedId ?? BEFORE_ALL;
  return { shard, cursor: last, done: shard.closed || last === AFTER_ALL };
}

async function shardsOf(redis: Redis, keys: Keys, { stream, shardId }: TailOptions): Promise<readonly StreamShard[]> {
  const topology = await readTopology(redis, keys, stream);
  const plain = { shardId: shardIdOf(0), key: stream, parents: [], range: FULL_RANGE, closed: false };
  const shards = topology?.shards ?? [plain];
  if (shardId === undefined) return shards;
  const wanted = shards.filter((shard) => shard.shardId === shardId);
  if (wanted.length > 0) return wanted;
  throw new MillraceError('shard-not-found', `the stream "${stream}" has no shard "${shardId}"`, {
    hint: `millrace stream describe ${stream} shows its shards`,
  });
}

type Entries = [id: EntryId, fields: [string, Buffer][]][];

async function read(redis: Redis, active: readonly Reading[], block: boolean): Promise<[key: string, Entries][]> {
  const streams = [...active.map(({ shard }) => shard.key), ...active.map(({ cursor }) => cursor)];
  const wait = block ? ['BLOCK', TAIL_BLOCK_MS] : [];
  const reply = (await redis
    .callBuffer('XREAD', ['COUNT', TAIL_READ_RECORDS, ...wait, 'STREAMS', ...streams])
    .catch((error: unknown) => {
      throw wrongTypeOr(error, active[0]!.shard.key, 'a stream');
    })) as [Buffer, [Buffer, Buffer[]][]][] | null;
  return (reply ?? []).map(([key, entries]) => [
    key.toString(),
    entries.map(([id, flat]) => [id.toString(), pairs(flat)]),
  ]);
}

function pairs(flat: readonly Buffer[]): [string, Buffer][] {
  const result: [string, Buffer][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([flat[i]!.toString(), flat[i + 1]!]);
  return result;
}
