/** Where a lab's records come from: Redis streams (stream-source.ts) or a topic of Kafka (topic-source.ts). */
import type { Redis } from 'ioredis';
import type { EntryId } from '../../../src/record.ts';
import type { Keys } from '../../../src/redis/keys.ts';
import type { NoticeEnd } from '../../support/end-state.ts';

export const MAPPING = 'm';

export interface LabShard {
  readonly shardId: string;
  /** `<mapping>/<shardId>`, as histories name it. */
  readonly name: string;
  /** The stream key that producers write to; of a topic: its spool. */
  readonly key: string;
}

/** Entry ids; of a topic those that its spool would have. */
export interface ShardNow {
  readonly shard: LabShard;
  readonly state: Readonly<Record<string, string>>;
  readonly checkpoint: string | null;
  readonly groupMarker: string | null;
  readonly firstEntry: string | null;
  readonly lastEntry: string | null;
}

export interface LabRecord {
  readonly shard: LabShard;
  readonly data: string;
  /** Its partition key; absent: the same for all. */
  readonly key?: string;
}

/** A record that is there. */
export interface NearRecord {
  readonly id: EntryId;
  /** As histories have it. */
  readonly position: string;
  /** As commands take it. */
  readonly name: string;
}

/** The last ones that are settled, newest first, and the next ones that are not. */
export interface Near {
  readonly settled: readonly NearRecord[];
  readonly next: readonly NearRecord[];
}

export interface LabSource {
  /** May grow. */
  readonly shards: readonly LabShard[];
  /** Of millrace.yaml. */
  readonly config: {
    readonly connections?: object;
    readonly mapping: object;
    readonly environment?: Readonly<Record<string, string>>;
  };
  /** The position of each record that the source acknowledged; null: no answer, nothing is known of it. */
  write(records: readonly LabRecord[]): Promise<readonly (string | null)[]>;
  /** What the source was told, and after it (or in one step) what Redis holds. */
  look(): Promise<ShardNow[]>;
  notices(): Promise<NoticeEnd[]>;
  /** Every record that is there. */
  positionsIn(shard: LabShard): Promise<string[]>;
  near(shard: LabShard, most: number): Promise<Near>;
  /** The shard's next generation may come, with the same positions. */
  mayRewind(shard: LabShard): void;
  close(): Promise<void>;
}

export interface SourceParts {
  readonly redis: Redis;
  readonly keys: Keys;
}
