/** What a poller knows of one shard that it watches. */
import type { EntryId } from '../record.ts';
import type { TurnQueue } from '../queue/turn-queue.ts';
import type { ShardView } from '../shard/sweep.ts';
import type { TurnMapping, TurnShard } from '../turn/settings.ts';

/** A mapping as a poller sees it. */
export interface PolledMapping extends TurnMapping {
  readonly queue: TurnQueue;
  shards(): readonly TurnShard[];
  /** They were found without state: somebody deleted it. */
  stateLost(shardIds: readonly string[]): Promise<void>;
  /** Removes what every mapping settled, as far as the source's retention allows; null: it keeps everything. */
  readonly trim: null | {
    readonly retentionMs: number | 'settled';
    run(shard: TurnShard, nowMs: number): Promise<void>;
  };
}

export type PolledState =
  /** Not looked at yet. */
  | 'unknown'
  /** In a blocking read. */
  | 'watching'
  /** Records are there, and the batching window is open. */
  | 'window'
  /** Woken: its turn is queued or running. */
  | 'awake'
  /** A failed unit waits for its next attempt. */
  | 'parked'
  | 'waiting-for-parents'
  /** By an operator, until one lets it run again. */
  | 'paused'
  | 'done';

/** What a look at an open batching window knows. */
export interface OpenWindow {
  after: EntryId;
  records: number;
  /** As an event: exact for what a turn looked at, else an estimate. */
  eventBytes: number;
  readonly dueAt: number;
  /** Redis ms before which it is not weighed again. */
  readonly notBefore: number;
}

export interface PolledShard {
  readonly id: string;
  readonly mapping: PolledMapping;
  readonly shard: TurnShard;
  state: PolledState;
  /** Local ms at which the state began. */
  since: number;
  /** Local ms at which somebody last said what the state is. */
  changed: number;
  checkpoint: EntryId;
  settledAt: number;
  /** Redis ms of the next attempt, when parked. */
  until: number;
  /** Redis ms at which something would expire without an attempt; 0: nothing. */
  expiresAt: number;
  /** Redis ms at which the open tumbling window ends when no records come; 0: none. */
  windowDueAt: number;
  parentsDone: boolean;
  window: OpenWindow | null;
  view: ShardView | null;
}

export function shardKey(mapping: string, shardId: string): string {
  return `${mapping}\n${shardId}`;
}

export function newPolledShard(mapping: PolledMapping, shard: TurnShard, nowMono: number): PolledShard {
  return {
    ...{
      id: shardKey(mapping.name, shard.shardId),
      mapping,
      shard,
      state: 'unknown',
      since: nowMono,
      changed: nowMono,
      checkpoint: '0-0',
    },
    ...{
      settledAt: 0,
      until: 0,
      expiresAt: 0,
      windowDueAt: 0,
      parentsDone: shard.parents.length === 0,
      window: null,
      view: null,
    },
  };
}
