/** The Redis side of `status`: few round trips, whatever the number of shards. */
import { type Ageing, parseAgeing } from '../ageing.ts';
import type { Redis } from '../redis/connect.ts';
import { STATUS_COUNT_MAX, STATUS_COUNT_PER_CALL, STATUS_SHARDS_PER_CALL } from '../limits.ts';
import type { EntryId, Unit } from '../record.ts';
import { type LanesState, parseLanes } from '../lanes.ts';
import type { Window } from '../tumbling.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import { SPOOL_LUA } from '../spool-block.ts';

const lua = new URL('./lua/', import.meta.url);
const statusScript = loadScript(lua, 'status-N.lua', { with: SPOOL_LUA });
const countScript = loadScript(lua, 'count-after-1.lua');

/** A shard's state and its stream, as they were at one instant. */
export interface ShardFacts {
  readonly shardId: string;
  readonly key: string;
  readonly parents: readonly string[];
  readonly checkpoint: EntryId;
  readonly entriesRead: number;
  readonly owner: string;
  readonly epoch: string;
  readonly units: readonly Unit[];
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly partitionKey: string | null;
  readonly lastResult: string;
  readonly settledAt: number;
  readonly born: number;
  readonly done: boolean;
  /** By an operator, since when (Redis ms); 0: not. */
  readonly pausedAt: number;
  readonly ageing: Ageing | null;
  readonly why: string;
  readonly marks: readonly (readonly [EntryId, number])[];
  readonly lanes: LanesState | null;
  /** The newest tumbling window. */
  readonly window: Window | null;
  readonly settled: {
    readonly succeeded: number;
    readonly expired: number;
    readonly givenUp: number;
    readonly filtered: number;
    readonly lostBySource: number;
    readonly redelivered: number;
  };
  /** Of a shard that is filled from another system: where fetching stands, the source's end, and when records arrived. */
  readonly spool: null | {
    readonly next: number;
    readonly end: number;
    readonly arrivals: ReadonlyMap<EntryId, number>;
  };
  /** Null when the key is missing or of another type. */
  readonly stream: null | {
    readonly length: number;
    readonly entriesAdded: number;
    readonly firstId: EntryId | null;
    readonly lastId: EntryId | null;
    readonly lastGeneratedId: EntryId;
    readonly maxDeletedId: EntryId;
  };
  /** First record after the checkpoint. */
  readonly nextId: EntryId | null;
  /** First record behind the head unit. */
  readonly behindId: EntryId | null;
}

const COUNTERS = ['succeeded', 'expired', 'givenUp', 'filtered', 'lostBySource', 'redelivered'] as const;
/** Names of the state's fields; init-5.lua and settle-N.lua of shard/ write them. */
const FIELDS = [
  ...[
    'cp',
    'units',
    'read',
    'owner',
    'epoch',
    'nb',
    'exp',
    'blk',
    'res',
    'at',
    'born',
    'done',
    'why',
    'win',
    'marks',
    'key',
    'parents',
    'sp:next',
    'sp:end',
    'ps',
    'pz',
    'rwTo',
    'rwAt',
    'lanes',
  ],
  ...COUNTERS.map((name) => `n:${name}`),
];

type Row = [fields: (string | null)[], exists: number, length: number, added: number, ...ids: string[]];

/** @param shardIds those of the mapping's index; a shard whose state is gone meanwhile is left out */
export async function readShards(
  redis: Redis,
  keys: Keys,
  mapping: string,
  shardIds: readonly string[],
): Promise<ShardFacts[]> {
  const chunks: string[][] = [];
  for (let i = 0; i < shardIds.length; i += STATUS_SHARDS_PER_CALL) {
    chunks.push(shardIds.slice(i, i + STATUS_SHARDS_PER_CALL));
  }
  // Two calls in flight keep the server busy without a queue that would hold up the daemons' own commands.
  const facts: ShardFacts[][] = [];
  for (let i = 0; i < chunks.length; i += 2) {
    facts.push(...(await Promise.all(chunks.slice(i, i + 2).map((ids) => readChunk(redis, keys, mapping, ids)))));
  }
  return facts.flat();
}

async function readChunk(
  redis: Redis,
  keys: Keys,
  mapping: string,
  shardIds: readonly string[],
): Promise<ShardFacts[]> {
  const pipeline = redis.pipeline();
  for (const shardId of shardIds) pipeline.hget(keys.shard(mapping, shardId), 'key');
  const replies = (await pipeline.exec()) ?? [];
  const known: { shardId: string; key: string }[] = [];
  replies.forEach(([error, key], i) => {
    if (error) throw error;
    if (typeof key === 'string') known.push({ shardId: shardIds[i]!, key });
  });
  if (known.length === 0) return [];
  const pairs = known.flatMap(({ shardId, key }) => [keys.shard(mapping, shardId), key]);
  const [, ...rows] = (await statusScript.run(redis, pairs, FIELDS)) as [string, ...Row[]];
  return known.flatMap((shard, i) => toFacts(shard, rows[i]!) ?? []);
}

function toFacts({ shardId, key }: { shardId: string; key: string }, row: Row): ShardFacts | null {
  const [values, exists, length, entriesAdded, first, last, lastGenerated, maxDeleted, next, behind, ...arrived] = row;
  const field = (name: string) => values[FIELDS.indexOf(name)] ?? '';
  const number = (name: string) => Number(field(name) || 0);
  const checkpoint = field('cp');
  if (checkpoint === '') return null;
  const json = <T>(name: string, otherwise: T) => (field(name) === '' ? otherwise : (JSON.parse(field(name)) as T));
  const settled = Object.fromEntries(COUNTERS.map((name) => [name, number(`n:${name}`)])) as ShardFacts['settled'];
  const blocked = json<{ partitionKey?: string | null; overdueAt?: number | null }>('blk', {});
  const units = json<Unit[]>('units', []);
  const spooled = [next, behind, units[0]?.last].map((name, i) => [name ?? '', Number(arrived[i])] as const);
  const arrivals = new Map(spooled.filter(([, ms]) => ms > 0));
  const id = (text: string | undefined) => (text === undefined || text === '' ? null : text);
  return {
    ...{ shardId, key, checkpoint, settled },
    ...{ parents: json<string[]>('parents', []), units },
    ...{ entriesRead: number('read'), owner: field('owner'), epoch: field('epoch') },
    ...{
      notBefore: number('nb'),
      expiresAt: blocked.overdueAt ?? number('exp'),
      settledAt: number('at'),
      born: number('born'),
    },
    ...{ partitionKey: blocked.partitionKey ?? null, why: field('why') },
    pausedAt: number('ps'),
    ageing: parseAgeing({ pauses: field('pz'), rewoundTo: field('rwTo'), rewoundAt: field('rwAt') }),
    ...{ lastResult: field('res'), done: field('done') === '1', marks: json<[EntryId, number][]>('marks', []) },
    window: json<Window | null>('win', null),
    lanes: parseLanes(field('lanes')),
    spool: field('sp:next') === '' ? null : { next: number('sp:next'), end: number('sp:end'), arrivals },
    stream: exists
      ? {
          ...{ length, entriesAdded, firstId: id(first), lastId: id(last) },
          ...{ lastGeneratedId: lastGenerated!, maxDeletedId: maxDeleted! },
        }
      : null,
    ...{ nextId: id(next), behindId: id(behind) },
  };
}

/** Records after the position, counted; `atMost` when there are more than STATUS_COUNT_MAX. */
export async function countAfter(redis: Redis, key: string, after: EntryId, atMost: number): Promise<number> {
  let total = 0;
  let from = after;
  while (total < STATUS_COUNT_MAX) {
    const [found, last] = (await countScript.run(redis, [key], [from, STATUS_COUNT_PER_CALL])) as [number, string];
    total += found;
    if (found < STATUS_COUNT_PER_CALL) return total;
    from = last;
  }
  return Math.max(total, atMost);
}
