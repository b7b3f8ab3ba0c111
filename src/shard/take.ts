/** Taking and releasing a shard: the epoch decides who may settle (P7, architecture.md §2). */
import { randomUUID } from 'node:crypto';
import { FencedError } from '../errors.ts';
import type { Redis } from '../redis/connect.ts';
import type { ShardRef } from '../record.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import { parseState, type ShardState } from './state.ts';

const lua = new URL('./lua/', import.meta.url);
const takeScript = loadScript(lua, 'take-N.lua');
const releaseScript = loadScript(lua, 'release-1.lua');

/** What a holder shows to every script. */
export interface Holding {
  readonly shard: ShardRef;
  /** 16 digits; rises whenever the shard changes hands. */
  readonly epoch: string;
  readonly nonce: string;
}

export type Taken =
  | {
      readonly kind: 'ok';
      readonly holding: Holding;
      readonly state: ShardState;
      readonly nowMs: number;
      readonly ownerBefore: string;
    }
  | { readonly kind: 'missing' | 'pending-parent' | 'done' | 'owned' | 'paused' | 'superseded' };

export interface TakeOptions {
  readonly owner: string;
  readonly parents: readonly string[];
  readonly mode: 'turn' | 'idle' | 'act';
  readonly deadOwner?: string;
  /** The queue's lock that the taker goes by: when it is another's by now, nothing is taken (`superseded`). */
  readonly lock?: { readonly key: string; readonly token: string };
}

export async function takeShard(redis: Redis, keys: Keys, shard: ShardRef, options: TakeOptions): Promise<Taken> {
  const { owner, parents, mode, deadOwner = '', lock } = options;
  const nonce = randomUUID();
  const stateKeys = [shard.shardId, ...parents].map((id) => keys.shard(shard.mapping, id));
  const args = [owner, nonce, mode, deadOwner, lock?.token ?? ''];
  const reply = (await takeScript.run(redis, [...stateKeys, ...(lock ? [lock.key] : [])], args)) as string[];
  const [kind, nowMs, epoch, ownerBefore, ...fields] = reply;
  if (kind !== 'ok') return { kind: kind as Exclude<Taken['kind'], 'ok'> };
  return {
    kind,
    nowMs: Number(nowMs),
    ownerBefore: ownerBefore!,
    holding: { shard, epoch: epoch!, nonce },
    state: parseState(fields),
  };
}

/** True while nobody took the shard after us. */
export async function stillHeld(redis: Redis, keys: Keys, holding: Holding): Promise<boolean> {
  const [epoch, nonce] = await redis.hmget(keys.shard(holding.shard.mapping, holding.shard.shardId), 'epoch', 'nonce');
  return epoch === holding.epoch && nonce === holding.nonce;
}

/** What a script's answer `fenced` comes to; `stored`: the epoch that it found, '' where the shard has no state. */
export function fencedBy({ shard, epoch }: Holding, stored: string): FencedError {
  const what = `${shard.mapping}/${shard.shardId}: epoch ${epoch} was superseded by ${stored}`;
  return new FencedError(what, { wentBack: BigInt(stored) <= BigInt(epoch) });
}

/** Ends a turn and tells the pollers; without effect when the shard was lost meanwhile. */
export async function releaseShard(redis: Redis, keys: Keys, holding: Holding, message: object): Promise<void> {
  await releaseScript.run(
    redis,
    [keys.shard(holding.shard.mapping, holding.shard.shardId)],
    [holding.epoch, holding.nonce, keys.watchChannel(), JSON.stringify(message)],
  );
}
