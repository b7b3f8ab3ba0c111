/** Where a lab's records come from: Redis streams (stream-source.ts) or a topic of Kafka (topic-source.ts). */
import type { Redis } from 'ioredis';
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
  close(): Promise<void>;
}

export interface SourceParts {
  readonly redis: Redis;
  readonly keys: Keys;
}
