/** What a mapping's records come from, and the feed that fills its shards where they are spools. */
import { randomUUID } from 'node:crypto';
import { buildNotice } from '../failure/notice.ts';
import { OUTBOX_BYTES_MAX } from '../outbox-limits.ts';
import type { MappingConfig } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { encodeMessage } from '../outbox.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { Feed, Source } from '../source/port.ts';
import { openSource } from '../source/registry.ts';
import { openSpools } from '../shard/spool.ts';
import { checkpointBefore, spoolId, type SpoolLoss, type Spools } from '../spool.ts';
import type { Clock } from '../time.ts';
import type { TurnSettings } from '../turn/settings.ts';
import { startingPosition } from './mapping-settings.ts';

export interface FeedingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
}

export function sourceOf({ name, source }: MappingConfig, deps: FeedingDeps): Source {
  if (source.type === 'redis-stream') {
    const { type, stream, arrival, trim } = source;
    return openSource({ type, stream, arrival, trim: trim === 'settled' ? trim : undefined }, deps);
  }
  const { type, topic, consumerGroupId, isolationLevel, cluster } = source;
  return openSource({ type, mapping: name, topic, groupId: consumerGroupId, isolationLevel, cluster }, deps);
}

/** Null where shards are Redis streams by themselves. `wake`: the shard has records, and its turn ran dry before. */
export function openFeed(
  { redis, keys, clock }: FeedingDeps,
  source: Source,
  config: MappingConfig,
  settings: () => TurnSettings,
  wake: (shardId: string) => void,
): Feed | null {
  if (!source.feed) return null;
  const spools = openSpools({
    ...{ redis, keys, mapping: config.name, monoMs: () => clock.monoMs() },
    failures: (shardId) => failuresOf(settings(), keys.outbox(config.name, shardId)),
    notice: (shardId, loss, nowMs) => noticeOf(settings(), shardId, loss, nowMs),
  });
  return source.feed({ spools: waking(spools, settings, wake), position: startingPosition(config) });
}

/**
 * Whoever fills a spool wakes its shard: it knows best, and the daemon that watches the shard may have died. Batching windows are the
 * watcher's; and so is a wake that got lost, with its next sweep.
 */
function waking(spools: Spools, settings: () => TurnSettings, wake: (shardId: string) => void): Spools {
  return {
    ...spools,
    async append(hold, batch) {
      const appended = await spools.append(hold, batch);
      const due = appended.kind === 'skipped' || (appended.kind === 'ok' && appended.first);
      if (due && batch.records.length > 0 && settings().windowMs === 0) wake(hold.shardId);
      return appended;
    },
  };
}

function failuresOf({ failureTopic, failureStream, failureBytesMax }: TurnSettings, outboxKey: string) {
  if (failureTopic) return { stream: outboxKey, bytesMax: OUTBOX_BYTES_MAX, outbox: true };
  return { stream: failureStream, bytesMax: failureBytesMax, outbox: false };
}

function noticeOf(settings: TurnSettings, shardId: string, loss: SpoolLoss, timestampMs: number): string {
  const { mapping, version, arn, failureTopic } = settings;
  const value = buildNotice({
    ...{ mapping, functionName: version.name, functionVersion: version.hash, shardId, streamArn: arn, timestampMs },
    kafka: settings,
    giveUp: {
      ...{ condition: loss.condition, first: spoolId(loss.first), last: checkpointBefore(loss.last + 1) },
      ...{ count: loss.last - loss.first + 1, requestId: randomUUID(), invokeCount: 0 },
      ...{ functionError: undefined, error: null },
    },
    ...{ firstArrivalMs: null, lastArrivalMs: null, payload: null },
  });
  // Records that are gone have no keys.
  return failureTopic ? encodeMessage({ to: failureTopic, key: null, headers: [], value }) : value;
}
