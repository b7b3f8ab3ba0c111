/** Filling a shard from another system, by the poller that holds it (architecture.md §1: the fenced append). */
import { SPOOL_BYTES_MAX, SPOOL_RECORDS_MAX } from '../kafka-limits.ts';
import { AUDIT_LUA, auditArgs } from '../observe/audit.ts';
import { type Redis, serverMs } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import {
  type Appended,
  checkpointBefore,
  positionAfter,
  type SpoolBatch,
  type SpoolClaim,
  type SpoolHold,
  type SpoolLoss,
  type SpoolRestart,
  type Spools,
  type SpoolStep,
  type SpoolView,
} from '../spool.ts';
import { type SpoolEntry, toSpoolEntries } from '../spool-block.ts';
import { initShard } from './init.ts';

const lua = new URL('./lua/', import.meta.url);

/** Why one more notice cannot be appended; nil: it can. `bound`: in bytes, 0: none; `field`: 'notice', or 'message' to an outbox. */
const NOTICE_LUA = `
local function refusesNotice(key, notice, bound, field)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= 'stream' then return 'the failure stream ' .. key .. ' is a ' .. kind end
  if tonumber(bound) <= 0 or (redis.call('MEMORY', 'USAGE', key) or 0) + #notice <= tonumber(bound) then return nil end
  return field == 'message' and 'outbox-full' or 'failure-stream-full'
end
`;

const claimScript = loadScript(lua, 'claim-1.lua');
const appendScript = loadScript(lua, 'append-2.lua');
const spoolsScript = loadScript(lua, 'spools-N.lua');
const loseScript = loadScript(lua, 'lose-2.lua', { with: NOTICE_LUA });
const restartScript = loadScript(lua, 'restart-4.lua', { with: AUDIT_LUA + NOTICE_LUA });
const closeScript = loadScript(lua, 'close-3.lua', { with: NOTICE_LUA });
const refetchScript = loadScript(lua, 'refetch-2.lua');

/** Kafka does not say who did it; the host is that of the daemon that found it. */
const OFFSETS_SET = { who: 'somebody else in the group', command: 'kafka offsets' };

export interface SpoolsDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly mapping: string;
  /** Local monotonic ms. */
  readonly monoMs: () => number;
  /** Where notices go, and what one says. */
  readonly failures: (shardId: string) => {
    readonly stream: string;
    readonly bytesMax: number;
    /** The stream is the shard's outbox. */
    readonly outbox?: boolean;
  };
  /** `nowMs`: Redis ms. */
  readonly notice: (shardId: string, loss: SpoolLoss, nowMs: number) => string;
}

export function openSpools(deps: SpoolsDeps): Spools {
  const { redis, keys, mapping } = deps;
  const pairOf = (shardId: string) => [keys.shard(mapping, shardId), keys.spool(mapping, shardId)];
  const look = async (
    holds: readonly SpoolHold[],
    ends: readonly (number | undefined)[] = [],
  ): Promise<SpoolView[]> => {
    if (holds.length === 0) return [];
    const rows = await spoolsScript.run(
      redis,
      holds.flatMap(({ shardId }) => pairOf(shardId)),
      holds.flatMap(({ generation, pollerEpoch }, i) => [generation, pollerEpoch, ends[i] ?? '']),
    );
    return (rows as (string | number)[][]).map(toView);
  };
  return {
    known: () => redis.zrange(keys.shardIndex(mapping), '0', '-1'),
    begin: (shardId, position, end) =>
      initShard(redis, keys, mapping, {
        ...{ shardId, key: keys.spool(mapping, shardId), parents: [], entriesRead: 0, end },
        checkpoint: checkpointBefore(position),
      }),
    async claim(shardId, given): Promise<SpoolClaim | null> {
      const reply = await claimScript.run(redis, [keys.shard(mapping, shardId)], [given]);
      const [kind, nowMs, pollerEpoch, origin] = reply as string[];
      if (kind !== 'ok') return null;
      const [seen] = await look([{ shardId, generation: 0, pollerEpoch: pollerEpoch! }]);
      if (!seen) return null;
      const hold = { shardId, generation: seen.generation, pollerEpoch: pollerEpoch! };
      return { hold, view: { ...seen, fenced: false }, redisMs: Number(nowMs) - deps.monoMs(), origin: origin! };
    },
    append: (hold, batch) => append(redis, pairOf(hold.shardId), hold, batch),
    look,
    async lose({ shardId, generation, pollerEpoch }, from, next, loss) {
      const { stream, bytesMax, outbox } = deps.failures(shardId);
      const notice = deps.notice(shardId, loss, await serverMs(redis));
      const field = outbox ? 'message' : 'notice';
      const args = [generation, pollerEpoch, from, next, loss.last - loss.first + 1, notice, bytesMax, field];
      return toStep(await loseScript.run(redis, [keys.shard(mapping, shardId), stream], args));
    },
    async restart(
      { shardId, generation, pollerEpoch },
      { next, origin, dropUnsettled, loss, operator, redelivered }: SpoolRestart,
    ) {
      const { stream, bytesMax, outbox } = deps.failures(shardId);
      const pair = pairOf(shardId);
      const count = loss ? loss.last - loss.first + 1 : 0;
      const counter = !loss ? '' : loss.condition === 'SourceGap' ? 'n:lostBySource' : 'n:givenUp';
      const notice = loss ? deps.notice(shardId, loss, await serverMs(redis)) : '';
      const act = { ...OFFSETS_SET, mapping, shard: shardId, detail: operator ?? '' };
      const args = [
        ...[generation, pollerEpoch, next, dropUnsettled ? '1' : '', count, counter, notice, bytesMax, redelivered],
        ...[origin, outbox ? 'message' : 'notice', operator === null ? '' : '1', ...auditArgs(act)],
      ];
      return toStep(await restartScript.run(redis, [...pair, loss ? stream : pair[0]!, keys.audit()], args));
    },
    close: (hold, loss) => close(deps, pairOf(hold.shardId), hold, loss),
    async refetch({ shardId, generation, pollerEpoch }) {
      return toStep(await refetchScript.run(redis, pairOf(shardId), [generation, pollerEpoch]));
    },
  };
}

async function append(redis: Redis, keys: string[], hold: SpoolHold, batch: SpoolBatch): Promise<Appended> {
  const { after, next, end, records } = batch;
  const reply = (await appendScript.run(redis, keys, [
    ...[hold.generation, hold.pollerEpoch, after, next, end, SPOOL_RECORDS_MAX, SPOOL_BYTES_MAX],
    ...toSpoolEntries(records).flatMap(toArguments),
  ])) as [Appended['kind'], string?, number?];
  return { kind: reply[0], next: Number(reply[1] ?? 0), first: reply[2] === 1 } as Appended;
}

function toArguments(entry: SpoolEntry): (string | number | Buffer)[] {
  if ('block' in entry) return ['b', entry.count, entry.last, entry.block];
  const { position, arrivalMs, timestamp, flags, key, value, headers } = entry.record;
  return ['r', position + 1, arrivalMs, timestamp, flags, key, value, headers];
}

async function close(deps: SpoolsDeps, pair: string[], hold: SpoolHold, loss: SpoolLoss | null): Promise<SpoolStep> {
  const { shardId, generation, pollerEpoch } = hold;
  const { stream, bytesMax, outbox } = deps.failures(shardId);
  const count = loss ? loss.last - loss.first + 1 : 0;
  const notice = loss ? deps.notice(shardId, loss, await serverMs(deps.redis)) : '';
  const args = [generation, pollerEpoch, count, notice, bytesMax, outbox ? 'message' : 'notice'];
  return toStep(await closeScript.run(deps.redis, [...pair, loss ? stream : pair[0]!], args));
}

function toView(row: readonly (string | number)[]): SpoolView {
  const [cp, next, end, generation, unsettled, damaged, fenced, closed] = row;
  const there = cp !== '';
  return {
    settledTo: there ? positionAfter(String(cp)) : 0,
    ...{ next: Number(next ?? 0), end: Number(end ?? 0), generation: Number(generation ?? 0) },
    ...{ unsettled: Number(unsettled ?? 0), damaged: damaged === 1, fenced: !there || fenced === 1 },
    closed: closed === 1,
  };
}

function toStep(reply: unknown): SpoolStep {
  const [kind, reason] = reply as string[];
  return kind === 'refused' ? { kind, reason: reason ?? '' } : { kind: kind as 'ok' | 'fenced' | 'unsettled' };
}
