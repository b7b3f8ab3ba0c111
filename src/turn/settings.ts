/** What one turn works under: a mapping's settings and the function version, taken together so that every attempt runs one whole version. */
import type { FunctionVersion } from '../sandbox/types.ts';
import type { TopicTarget } from '../outbox.ts';
import type { OutputPlace, OutputTarget } from '../output.ts';
import type { Pattern } from '../pattern.ts';
import type { UnitPolicy } from '../unit/types.ts';

/** A lane, of so many: another number of them is other lanes. */
export interface OneLane {
  readonly index: number;
  readonly factor: number;
}

export interface TurnSettings {
  readonly mapping: string;
  readonly streamName: string;
  readonly arn: string;
  /** Filled by a feed (spool.ts). */
  readonly spooled: boolean;
  readonly eventFormat: 'kinesis' | 'kafka' | 'dynamodb' | 's3' | 'raw';
  /** Null: every record is for the function. `id`: equal for equal filters. */
  readonly filter: {
    readonly patterns: readonly Pattern[];
    readonly id: string;
    /** Only the records of this lane are read (lanes.ts). */
    readonly lane?: OneLane;
  } | null;
  /** `parallelizationFactor`. */
  readonly laneCount: number;
  /** Of a Kafka source, as configured; else ''. */
  readonly bootstrapServers: string;
  readonly dataField?: string;
  readonly partitionKeyField?: string;
  /** Ages count from the moment Millrace first saw a record, because the ids are no times. */
  readonly firstSeen: boolean;
  readonly batchSize: number;
  readonly windowMs: number;
  /** Length of a tumbling window; 0: none. */
  readonly tumblingMs: number;
  readonly policy: UnitPolicy;
  readonly failureStream: string;
  /** 0: a stream of the user's, which has no bound of ours. */
  readonly failureBytesMax: number;
  /** Notices go there by way of the shard's outbox; absent: to `failureStream`. */
  readonly failureTopic?: TopicTarget;
  /** Where what the function returns goes. `maxUnsettled` null: whoever reads it is not waited for. */
  readonly output: (OutputPlace & { readonly maxUnsettled: number | null }) | null;
  readonly version: FunctionVersion;
  /** Logged by each turn (product.md, "Namespaces and mappings"). */
  readonly configHash: string;
}

/** A shard as the source describes it. */
export interface TurnShard {
  readonly shardId: string;
  readonly key: string;
  readonly parents: readonly string[];
  readonly closed: boolean;
  readonly spooled?: true;
}

/** What a mapping is right now: asked before each unit, so that a reload takes effect between units. */
export interface TurnMapping {
  readonly name: string;
  settings(): TurnSettings;
  shard(shardId: string): TurnShard | undefined;
  /** Asks the source for its shards now; undefined: it has none of that name. Rejects when the source cannot be read. */
  lookFor(shardId: string): Promise<TurnShard | undefined>;
  readonly shardCount: number;
  /** One for each stream, and for each shard's outbox. */
  outputTo(stream: string, shardId: string): OutputTarget;
}

/** What an operator's act tells the pollers: the shard is to be looked at anew. */
export interface ShardChanged {
  readonly mapping: string;
  readonly shardId: string;
  readonly state: 'changed';
}

/** What a turn tells the pollers when it ends. */
export interface HandBack {
  readonly mapping: string;
  readonly shardId: string;
  /**
   * watch: nothing is left, look for records after the checkpoint (from `dueAt` on, when a batching window is open)
   * parked: a job waits for `until`;  queued: a job will run at once;  done: the shard is settled to its end
   */
  readonly state: 'watch' | 'parked' | 'queued' | 'done';
  readonly checkpoint: string;
  /** Redis ms; 0: none. */
  readonly dueAt: number;
  readonly until: number;
  readonly expiresAt: number;
  readonly settledAt: number;
  /** Redis ms at which the open tumbling window ends when no records come; 0: none. */
  readonly windowDueAt: number;
  /** With `dueAt`: what the batch would hold already, as an event, and up to where was looked. */
  readonly gathered?: { readonly after: string; readonly records: number; readonly eventBytes: number };
}
