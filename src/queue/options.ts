/** BullMQ's settings, all explicit, each with its reason; shared by both sides of the queue. */
import type { JobsOptions } from 'bullmq';

export const TURN = 'turn';

/** The job's payload: the shard by name, never its records (by reference: 177 k records/s and 1 KB, inside jobs: 104 k and 331 KB). */
export interface TurnData {
  readonly shardId: string;
}

export function turnOptions(shardId: string): JobsOptions {
  return {
    // One turn per shard; a wake that comes while the turn runs is kept for one more turn. Adding by job id instead lost 37 of
    // 3,000 wakes that raced with a finish.
    deduplication: { id: shardId, keepLastIfActive: true },
    // Nothing to look at afterwards: what happened stands in the shard's state.
    removeOnComplete: true,
    removeOnFail: true,
    // Only a net for defects: a turn never throws for what a handler does. BullMQ's own retry reorders records
    // (`0 1x 2 3 4 1x 1`), so retries of records hold the shard instead; a retried *turn* merely looks at the shard again.
    attempts: Number.MAX_SAFE_INTEGER,
    backoff: { type: 'fixed', delay: 500 },
    stackTraceLimit: 0,
  };
}

/** Events nobody reads: keep as few as BullMQ can. */
export const EVENTS_MAX = 10;
