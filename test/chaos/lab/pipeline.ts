/** A pipeline in a lab: read → enrich → aggregate → archive, the first stage being the lab's own mapping; what is in its streams at the end. */
import type { Redis } from 'ioredis';
import { createStream } from '../../../connectors/redis-stream/manage.ts';
import { readTopology } from '../../../connectors/redis-stream/topology.ts';
import { shardIdOf, toSequenceNumber } from '../../../src/record.ts';
import { eventually } from '../../support/daemon.ts';
import { checkOutputs, type OutputViolation, type StageInput, type StageOutput } from '../check-outputs.ts';
import type { Lab } from './lab.ts';
import type { LabSpec } from './project.ts';
import { MAPPING } from './source.ts';
import { entriesOf } from './stage.ts';

export const SOURCE = 's';

/** Source and target of a stage, by its mapping. */
export interface Stage {
  readonly mapping: string;
  readonly from: string;
  readonly to: string;
  readonly fansOut: boolean;
  /** The target is on this other Redis. */
  readonly on?: Redis;
}

/** The last one is a plain stream. */
const STAGES: readonly Stage[] = [
  { mapping: MAPPING, from: SOURCE, to: 'enriched', fansOut: false },
  { mapping: 'aggregate', from: 'enriched', to: 'aggregated', fansOut: false },
  { mapping: 'archive', from: 'aggregated', to: 'archived', fansOut: true },
];
const STAGE_DRAIN_MS_MAX = 90_000;

const FUNCTIONS = {
  stage: { code: 'stage.ts', handler: 'stage', timeout: 20 },
  last: { code: 'stage.ts', handler: 'stage', timeout: 20, environment: { FANS_OUT: '1' } },
};

/** `first`: the lab's own mapping. `connection`: of the other Redis. */
export function configOf([first, ...others]: readonly Stage[], connection?: string): Pick<LabSpec, 'mapping' | 'more'> {
  const outputOf = ({ to, on }: Stage): object => ({ type: 'redis-stream', stream: to, ...(on && { connection }) });
  const mappings = others.map((stage) => [
    stage.mapping,
    {
      ...{ function: stage.fansOut ? 'last' : 'stage', startingPosition: 'TRIM_HORIZON', batchSize: 6 },
      ...{ source: { type: 'redis-stream', stream: stage.from }, output: outputOf(stage) },
      functionResponseTypes: ['ReportBatchItemFailures'],
    },
  ]);
  return {
    mapping: { output: outputOf(first!) },
    more: { functions: FUNCTIONS, mappings: Object.fromEntries(mappings) as object },
  };
}

export const PIPELINE = configOf(STAGES);

/** Before the daemons start: else the streams would be plain ones. */
export async function makeStreams({ redis, keys }: Lab): Promise<void> {
  await createStream(redis, keys, 'enriched', { shards: 3, retentionHours: 24 });
  await createStream(redis, keys, 'aggregated', { shards: 2, retentionHours: 24 });
}

type Entries = readonly { readonly id: string; readonly origin: string; readonly data: string }[];

async function shardsOf(
  { redis, keys }: Pick<Lab, 'redis' | 'keys'>,
  stream: string,
): Promise<{ shardId: string; entries: Entries }[]> {
  const topology = await readTopology(redis, keys, stream);
  const shards = topology?.shards ?? [{ shardId: shardIdOf(0), key: stream }];
  return await Promise.all(
    shards.map(async ({ shardId, key }) => {
      const found = await redis.xrange(key, '-', '+');
      const entries = found.map(([id, fields]) => {
        const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
        return { id, origin: value('origin'), data: value('data') };
      });
      return { shardId, entries };
    }),
  );
}

/** Mappings whose shards are not settled to their end, or have outputs that are not moved or sent yet. */
async function unfinished({ redis, keys }: Lab, stages: readonly Stage[]): Promise<string[]> {
  const left: string[] = [];
  for (const { mapping, from } of stages) {
    const topology = await readTopology(redis, keys, from);
    for (const { shardId, key } of topology?.shards ?? [{ shardId: shardIdOf(0), key: from }]) {
      const state = await redis.hgetall(keys.shard(mapping, shardId));
      const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
      const settled = last === undefined || state['cp'] === last[0];
      const unsent = await redis.xlen(keys.unsent(mapping, shardId));
      if (!settled || state['units'] !== '[]' || 'out' in state || unsent > 0) left.push(`${mapping}/${shardId}`);
    }
  }
  return left;
}

export interface PipelineChecked {
  readonly violations: readonly OutputViolation[];
  readonly records: number;
  readonly archived: number;
}

/** Waits until every stage is at its end, and checks each of them. After `lab.drain()`, with the daemons alive. */
export async function checkPipeline(lab: Lab, stages: readonly Stage[] = STAGES): Promise<PipelineChecked> {
  const none = (left: readonly string[]): boolean => left.length === 0;
  const what = 'every stage at its end';
  await eventually(() => unfinished(lab, stages), none, { withinMs: STAGE_DRAIN_MS_MAX, everyMs: 200, what });
  const violations: OutputViolation[] = [];
  let [records, archived] = [0, 0];
  for (const { mapping, from, to, fansOut, on = lab.redis } of stages) {
    const { keys } = lab;
    const [sources, targets] = [await shardsOf(lab, from), await shardsOf({ redis: on, keys }, to)];
    const inputs = sources.map(({ shardId, entries }): StageInput => {
      return { shardId, sequenceNumbers: entries.map(({ id }) => toSequenceNumber(id)) };
    });
    const outputs = targets.map(({ entries }): StageOutput => entries);
    const expected = (name: string): number => entriesOf(name, fansOut);
    violations.push(...checkOutputs({ mapping, expected }, inputs, outputs));
    if (from === SOURCE) records = inputs.reduce((sum, { sequenceNumbers }) => sum + sequenceNumbers.length, 0);
    archived = outputs.reduce((sum, entries) => sum + entries.length, 0);
  }
  return { violations, records, archived };
}
