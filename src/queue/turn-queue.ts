/** Waking shards: the pollers' side of the queue. One BullMQ job is one shard's turn (architecture.md §1). */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Log } from '../observe/log.ts';
import { loadScript } from '../redis/scripts.ts';
import { allowWhenFull } from './full-memory.ts';
import { EVENTS_MAX, TURN, type TurnData, turnOptions } from './options.ts';
import { timedByServer } from './server-clock.ts';

const dropOrphan = loadScript(new URL('./lua/', import.meta.url), 'drop-orphan-7.lua');

export interface TurnQueue {
  /** The shards' turns will run; a wake for a turn that waits, runs or is parked is merged with it. */
  wake(shardIds: readonly string[]): Promise<void>;
  /** Starts every parked turn at once (a new function version, an operator's act); the executor parks again what is not due. */
  promote(): Promise<void>;
  /** For a shard that should have had its turn long ago: frees it when its job is in no set. True when it was stuck. */
  freeStuck(shardId: string): Promise<boolean>;
  /**
   * Starts the shard's turn if it is parked: Redis' clock may have gone back since, and a wake is merged with it without an effect.
   */
  hurry(shardId: string): Promise<void>;
  /** Removes the queue with everything in it (mapping forget). */
  obliterate(): Promise<void>;
  close(): Promise<void>;
}

export interface TurnQueueOptions {
  readonly connection: Redis;
  readonly prefix: string;
  readonly mapping: string;
  readonly log: Log;
}

export function openTurnQueue(options: TurnQueueOptions): TurnQueue {
  const queue = new Queue<TurnData>(options.mapping, {
    connection: timedByServer(allowWhenFull(options.connection)),
    prefix: options.prefix,
    streams: { events: { maxLen: EVENTS_MAX } },
    skipVersionCheck: true, // checked once for the daemon, with a better sentence
  });
  queue.on('error', (error) => options.log.warn({ mapping: options.mapping, error: error.message }, 'queue error'));
  const base = `${options.prefix}:${options.mapping}:`;
  return {
    async wake(shardIds) {
      if (shardIds.length === 1) {
        await queue.add(TURN, { shardId: shardIds[0]! }, turnOptions(shardIds[0]!));
      } else if (shardIds.length > 1) {
        await queue.addBulk(shardIds.map((shardId) => ({ name: TURN, data: { shardId }, opts: turnOptions(shardId) })));
      }
    },
    promote: () => queue.promoteJobs(),
    async hurry(shardId) {
      const id = await queue.getDeduplicationJobId(shardId);
      const job = id === null ? undefined : await queue.getJob(id);
      if (!job || !(await job.isDelayed())) return;
      // It may have begun by itself since.
      await job
        .promote()
        .catch((error: unknown) => options.log.debug({ shard: shardId, error: String(error) }, 'not parked'));
    },
    async freeStuck(shardId) {
      const sets = ['wait', 'active', 'delayed', 'paused', 'prioritized'].map((name) => base + name);
      const removed = await dropOrphan.run(
        options.connection,
        [`${base}de:${shardId}`, ...sets, `${base}dn:${shardId}`],
        [base],
      );
      return removed === 1;
    },
    obliterate: () => queue.obliterate({ force: true }),
    close: () => queue.close(),
  };
}
