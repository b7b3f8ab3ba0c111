/** Who is alive: each daemon writes itself once a second, and reads the others. */
import { type Redis, serverMs } from '../redis/connect.ts';
import { DAEMON_TTL_MS } from '../limits.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';
import type { FunctionShare } from '../observe/status-types.ts';
import { HOUR } from '../time.ts';

const beatScript = loadScript(new URL('./lua/', import.meta.url), 'beat-3.lua');

export interface Member {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  /** ISO 8601 */
  readonly since: string;
  readonly lastSeen: string;
  /** Of Millrace. */
  readonly version: string;
  /** Mapping name → fingerprint of its pinned fields, of the mappings that this daemon serves. */
  readonly mappings: Readonly<Record<string, string>>;
  /** Function name → order of the version that this daemon has (daemon/lua/version-1.lua). */
  readonly functions: Readonly<Record<string, number>>;
  /** Mappings that this daemon does not serve, and why. */
  readonly conflicts: Readonly<Record<string, string>>;
  /** Mappings whose source this daemon cannot read right now, and why. */
  readonly problems: Readonly<Record<string, string>>;
}

/** Writes `me` and what is said of my functions, and returns everybody who is alive, `me` included. */
export async function beat(
  redis: Redis,
  keys: Keys,
  me: Omit<Member, 'lastSeen'>,
  functions: readonly FunctionShare[],
): Promise<Member[]> {
  const now = await serverMs(redis);
  const mine: Member = { ...me, lastSeen: new Date(now).toISOString() };
  const alive = await beatScript.run(
    redis,
    [keys.daemon(me.id), keys.daemons(), keys.daemonFunctions(me.id)],
    [me.id, JSON.stringify(mine), DAEMON_TTL_MS, now, HOUR, functions.length === 0 ? '' : JSON.stringify(functions)],
  );
  const ids = (alive as string[]).filter((id) => id !== me.id);
  if (ids.length === 0) return [mine];
  const others = await redis.mget(ids.map((id) => keys.daemon(id)));
  return [mine, ...others.filter((text) => text !== null).map((text) => JSON.parse(text) as Member)];
}

/** A clean stop is seen at once, not after DAEMON_TTL_MS. */
export async function leave(redis: Redis, keys: Keys, id: string): Promise<void> {
  await redis.multi().del(keys.daemon(id), keys.daemonFunctions(id)).zrem(keys.daemons(), id).exec();
}

/** Whether a daemon that takes turns of it is alive. */
export async function isServed(redis: Redis, keys: Keys, mapping: string): Promise<boolean> {
  const ids = await redis.zrange(keys.daemons(), '0', '-1');
  if (ids.length === 0) return false;
  const texts = await redis.mget(ids.map((id) => keys.daemon(id)));
  const alive = texts.filter((text) => text !== null).map((text) => JSON.parse(text) as Member);
  return alive.some(({ roles, mappings }) => roles.includes('executor') && mapping in mappings);
}
