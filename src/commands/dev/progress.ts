/** From one status to the next: how fast it goes, and whether there is anything left to do. Pure. */
import type { MappingStatus, ShardStatus, Status } from '../../observe/status-types.ts';

export interface ShardProgress {
  readonly shard: ShardStatus;
  readonly settled: number;
  readonly perSecond: number;
}

export interface MappingProgress {
  readonly mapping: MappingStatus;
  readonly shards: readonly ShardProgress[];
  readonly settled: number;
  /** Of these, since the first look. */
  readonly perRun: number;
  readonly perSecond: number;
  readonly lag: number;
  readonly givenUp: number;
}

interface Sample {
  readonly atMs: number;
  readonly settled: ReadonlyMap<string, number>;
}

/** Rates are taken over this long, so that they can be read. */
const WINDOW_MS = 2_000;

export class Progress {
  private samples: Sample[] = [];
  private first: Sample['settled'] | undefined;

  /** What the status is, beside the ones before it. */
  next(status: Status): MappingProgress[] {
    const atMs = Date.parse(status.time);
    const settled = new Map(
      status.mappings.flatMap((mapping) => mapping.shards.map((shard) => [nameOf(mapping, shard), settledOf(shard)])),
    );
    this.first ??= settled;
    const first = this.first;
    this.samples.push({ atMs, settled });
    while (this.samples.length > 2 && this.samples[1]!.atMs <= atMs - WINDOW_MS) this.samples.shift();
    const before = this.samples[0]!;
    const seconds = Math.max(atMs - before.atMs, 1) / 1_000;
    return status.mappings.map((mapping) => {
      const shards = mapping.shards.map((shard) => {
        const now = settledOf(shard);
        // A shard that is seen for the first time has no rate yet.
        const then = before.settled.get(nameOf(mapping, shard)) ?? now;
        return { shard, settled: now, perSecond: Math.max(0, now - then) / seconds };
      });
      return {
        ...{
          mapping,
          shards,
          settled: sum(shards, (one) => one.settled),
          perSecond: sum(shards, (one) => one.perSecond),
        },
        perRun: sum(shards, (one) => one.settled - (first.get(nameOf(mapping, one.shard)) ?? 0)),
        lag: sum(shards, (one) => one.shard.lag),
        givenUp: sum(shards, (one) => one.shard.settled.givenUp + one.shard.settled.expired),
      };
    });
  }
}

/** Every record of every shard is settled and nothing runs, no redrive either (contract.md, `--until-drained`). `expected`: mappings that must be known by now. */
export function isDrained(status: Status, expected: readonly string[]): boolean {
  const known = new Map(status.mappings.map((mapping) => [mapping.name, mapping]));
  return expected.every((name) => {
    const mapping = known.get(name);
    if (mapping === undefined || mapping.shards.length === 0) return false;
    return mapping.shards.every(isShardDrained) && (mapping.redrives ?? []).length === 0;
  });
}

function isShardDrained(shard: ShardStatus): boolean {
  return shard.lag === 0 && shard.blocked === null && (shard.state === 'idle' || shard.state === 'closed');
}

/** Of every outcome: what the checkpoint has passed. */
function settledOf({ settled }: ShardStatus): number {
  return settled.succeeded + settled.expired + settled.givenUp + settled.filtered;
}

function nameOf(mapping: MappingStatus, shard: ShardStatus): string {
  return `${mapping.name}/${shard.shardId}`;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
