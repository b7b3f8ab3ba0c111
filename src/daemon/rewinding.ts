/** `millrace mapping rewind`: settled records run again, of one shard or of the whole tree (contract.md, "Acting on a running system"). */
import { MillraceError } from '../errors.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { type LanesState, parseLanes } from '../lanes.ts';
import { REWIND_TRIES_MAX, SHARDS_REWOUND_AT_ONCE } from '../operator-limits.ts';
import type { EntryId } from '../record.ts';
import type { RangeReader } from '../redis/reader.ts';
import { type RewoundShard, rewindShards } from '../shard/rewind.ts';
import type { RewindTo, SourceShard } from '../source/port.ts';
import type { FormatSettings } from '../turn/format-options.ts';
import { settledAbove } from '../turn/settled-above.ts';
import { SpoolLacks } from '../turn/spool-reader.ts';
import { type ActingDeps, noSuchShard, sameSource, shardsOf, tellShards } from './acting.ts';
import { type FeedingDeps, sourceOf } from './feeding.ts';
import { formatSettings } from './mapping-settings.ts';

export interface RewindAct {
  readonly mapping: MappingConfig;
  readonly to: RewindTo;
  /** As it was asked for. */
  readonly text: string;
  /** Undefined: all shards, and who has nothing to run again waits for its parents. */
  readonly shardId: string | undefined;
}

export interface RewindPlan {
  readonly shards: readonly RewoundShard[];
  readonly records: number;
}

type Deps = ActingDeps & FeedingDeps & { readonly reader: RangeReader };

/** What would run again. @throws MillraceError `mapping-not-found`, `shard-not-found`, `source-conflict`, `nothing-to-rewind` */
export async function planRewind(deps: Deps, act: RewindAct): Promise<RewindPlan> {
  const { mapping, shardId } = act;
  const known = await shardsOf(deps, mapping.name);
  await sameSource(deps, mapping);
  if (shardId !== undefined && !known.includes(shardId)) throw noSuchShard(mapping.name, shardId, known);
  const shards = await look(deps, act, new Set(known), shardId === undefined ? known : [shardId]);
  const again = shards.filter(({ kind }) => kind !== 'child');
  if (again.length === 0) {
    const where = shardId === undefined ? `mapping ${mapping.name}` : `${shardId} of mapping ${mapping.name}`;
    throw new MillraceError(
      'nothing-to-rewind',
      `${where} has settled nothing that is still there from ${act.text} on`,
      {
        hint: 'rewind goes back only: millrace status shows each checkpoint, and millrace mapping skip goes forth',
      },
    );
  }
  return { shards, records: again.reduce((sum, { records, above }) => sum + records + above, 0) };
}

/**
 * Does what was planned: parents before their children, in one step for as many shards as a script takes. Killed between two steps it is done
 * for the parents, for which the children wait. Resolves with how many records run again.
 */
export async function rewind(deps: Deps, act: RewindAct, { shards, records }: RewindPlan): Promise<number> {
  const { mapping, shardId, text } = act;
  const count = shards.filter(({ kind }) => kind !== 'child').length;
  const detail = `to ${text}: ${records} records of ${count} ${count === 1 ? 'shard' : 'shards'} run again`;
  const entry = {
    command: 'mapping rewind',
    mapping: mapping.name,
    ...(shardId !== undefined && { shard: shardId }),
    detail,
  };
  let total = 0;
  for (let i = 0; i < shards.length; i += SHARDS_REWOUND_AT_ONCE) {
    let some: readonly RewoundShard[] = shards.slice(i, i + SHARDS_REWOUND_AT_ONCE);
    for (let tries = 0; ; tries++) {
      const done = await rewindShards(deps.redis, deps.keys, mapping.name, some, i === 0 ? entry : null);
      if (done.kind === 'ok') {
        total += done.records;
        break;
      }
      if (tries >= REWIND_TRIES_MAX) throw busy(mapping.name);
      some = await lookAgain(deps, act, some);
    }
    await tellShards(
      deps,
      mapping.name,
      some.map((shard) => shard.shardId),
      'hurry',
    );
  }
  return total;
}

/** The same shards, as they are now. */
async function lookAgain(deps: Deps, act: RewindAct, shards: readonly RewoundShard[]): Promise<RewoundShard[]> {
  const ids = new Set(shards.map(({ shardId }) => shardId));
  const known = new Set(await shardsOf(deps, act.mapping.name));
  const wanted = shards.filter(({ kind }) => kind !== 'child').map(({ shardId }) => shardId);
  return (await look(deps, act, known, wanted)).filter(({ shardId }) => ids.has(shardId));
}

/** Of the `wanted` shards those that run again, and their descendants; parents first. */
async function look(
  deps: Deps,
  { mapping, to }: RewindAct,
  known: ReadonlySet<string>,
  wanted: readonly string[],
): Promise<RewoundShard[]> {
  const source = sourceOf(mapping, deps);
  // Ids count up, so that a child's is behind those of its parents.
  const described = await source.describe();
  const shards = described.shards.filter(({ shardId }) => known.has(shardId));
  const states = await readStates(deps, mapping.name, shards);
  const read = shards.flatMap(({ shardId, key }) => {
    const state = states.get(shardId);
    return state && wanted.includes(shardId) ? [{ shardId, key, settled: state.checkpoint, marks: state.marks }] : [];
  });
  const found = await source.seek(read, to);
  const settings = formatSettings(mapping, described.arn);
  const rewound = new Map<string, RewoundShard>();
  for (const shard of shards) {
    const { shardId, key, parents, spooled } = shard;
    const [state, sought] = [states.get(shardId), found.get(shardId)];
    if (!state || (!sought && !parents.some((parent) => rewound.has(parent)))) continue;
    const { checkpoint, generation, entriesRead, lanes } = state;
    const facts = { shardId, key, generation, entriesRead };
    const above = sought && lanes ? await aboveOf(deps, mapping.name, settings, shard, checkpoint, lanes) : 0;
    rewound.set(
      shardId,
      sought
        ? { ...facts, kind: spooled ? 'spool' : 'stream', ...sought, above }
        : { ...facts, kind: 'child', checkpoint, records: 0, above, first: null },
    );
  }
  return [...rewound.values()];
}

async function aboveOf(
  { reader }: Deps,
  mapping: string,
  settings: FormatSettings,
  shard: SourceShard,
  checkpoint: EntryId,
  lanes: LanesState,
): Promise<number> {
  try {
    return await settledAbove(reader, settings, shard, checkpoint, lanes);
  } catch (error) {
    if (error instanceof SpoolLacks) throw busy(mapping, error.message);
    throw error;
  }
}

interface State {
  readonly checkpoint: EntryId;
  readonly generation: number;
  readonly entriesRead: number;
  readonly marks: [EntryId, number][];
  readonly lanes: LanesState | null;
}

async function readStates(
  { redis, keys }: Deps,
  mapping: string,
  shards: readonly SourceShard[],
): Promise<Map<string, State>> {
  const asking = redis.pipeline();
  for (const { shardId } of shards) asking.hmget(keys.shard(mapping, shardId), 'cp', 'gen', 'read', 'marks', 'lanes');
  const replies = (await asking.exec()) ?? [];
  const states = new Map<string, State>();
  replies.forEach(([error, fields], i) => {
    if (error) throw error;
    const [checkpoint, generation, read, marks, lanes] = fields as (string | null)[];
    if (typeof checkpoint !== 'string') return;
    states.set(shards[i]!.shardId, {
      ...{ checkpoint, generation: Number(generation), entriesRead: Number(read) },
      marks: JSON.parse(marks ?? '[]') as [EntryId, number][],
      lanes: parseLanes(lanes ?? undefined),
    });
  });
  return states;
}

function busy(
  mapping: string,
  what = `the shards of ${mapping} changed ${REWIND_TRIES_MAX} times in a row while they were looked at`,
): MillraceError {
  return new MillraceError('mapping-busy', what, {
    hint: 'are their streams trimmed all the time? pause the mapping, or rewind to a later position',
  });
}
