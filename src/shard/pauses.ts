/** Pausing shards and letting them run again (contract.md, "Acting on a running system"): a mark in each shard's state, which takes respect. */
import { type Act, AUDIT_LUA, auditArgs } from '../observe/audit.ts';
import { PAUSES_KEPT_MAX } from '../operator-limits.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const lua = new URL('./lua/', import.meta.url);
const pauseScript = loadScript(lua, 'pause-N.lua', { with: AUDIT_LUA });
const resumeScript = loadScript(lua, 'resume-N.lua', { with: AUDIT_LUA });

export interface PauseStep {
  readonly mapping: string;
  readonly shardIds: readonly string[];
  /** The whole mapping: shards that appear later are paused, or run, too. */
  readonly whole: boolean;
  /** With the first step of the act, which it is audited as. */
  readonly act: Act | null;
}

/** The shards that were changed by it; null: there is no such mapping. Doing it twice is harmless. */
export async function pauseShards(redis: Redis, keys: Keys, step: PauseStep): Promise<string[] | null> {
  return changedBy(await pauseScript.run(redis, keysOf(keys, step), argsOf(step)), step);
}

/** As `pauseShards`. */
export async function resumeShards(redis: Redis, keys: Keys, step: PauseStep): Promise<string[] | null> {
  return changedBy(await resumeScript.run(redis, keysOf(keys, step), [...argsOf(step), PAUSES_KEPT_MAX]), step);
}

function keysOf(keys: Keys, { mapping, shardIds }: PauseStep): string[] {
  return [keys.mapping(mapping), keys.audit(), ...shardIds.map((shardId) => keys.shard(mapping, shardId))];
}

function argsOf({ whole, act }: PauseStep): (string | number)[] {
  return [whole ? '1' : '', act ? '1' : '', ...auditArgs(act ?? { command: '', detail: '' })];
}

function changedBy(reply: unknown, { shardIds }: PauseStep): string[] | null {
  const [kind, ...changed] = reply as [string, ...number[]];
  return kind === 'ok' ? shardIds.filter((_, i) => changed[i] === 1) : null;
}
