/** Who is alive, as daemons say it of themselves (daemon/membership.ts), and what keeps them from reading a mapping's source. */
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { DaemonStatus, MappingStatus } from './status-types.ts';

export interface Alive {
  readonly daemon: DaemonStatus;
  /** By mapping. */
  readonly problems: ReadonlyMap<string, string>;
}

export async function readDaemons(redis: Redis, keys: Keys): Promise<Alive[]> {
  const flat = await redis.zrange(keys.daemons(), '0', '-1', 'WITHSCORES');
  const seen = flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, lastSeen: Number(flat[i + 1]) }] : []));
  if (seen.length === 0) return [];
  const texts = await redis.mget(seen.map(({ id }) => keys.daemon(id)));
  // The string has a lifetime, so that it is gone soon after its daemon; the sorted set is swept later.
  return seen.flatMap(({ id, lastSeen }, i) => {
    const text = texts[i];
    if (text === null || text === undefined) return [];
    const about = objectOf(text === '' ? {} : JSON.parse(text));
    const problems = new Map(Object.entries(objectOf(about.problems)).map(([name, why]) => [name, String(why)]));
    return [{ daemon: toDaemon(id, lastSeen, about), problems }];
  });
}

export function sourceProblems(mapping: string, alive: readonly Alive[]): Pick<MappingStatus, 'sourceProblems'> {
  const found = alive.flatMap(({ daemon, problems }) => {
    const reason = problems.get(mapping);
    return reason === undefined ? [] : [{ daemon: daemon.id, reason }];
  });
  return found.length === 0 ? {} : { sourceProblems: found };
}

function toDaemon(id: string, lastSeen: number, about: Readonly<Record<string, unknown>>): DaemonStatus {
  const conflicts = Object.keys(objectOf(about.conflicts));
  return {
    id,
    host: String(about.host ?? ''),
    pid: Number(about.pid ?? 0),
    roles: textList(about.roles),
    since: toIso(about.since),
    lastSeen: toIso(lastSeen),
    version: String(about.version ?? ''),
    ...(conflicts.length === 0 ? {} : { conflicts }),
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textList(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Milliseconds or text that is a date already. */
function toIso(value: unknown): string {
  const date = new Date(typeof value === 'number' ? value : String(value));
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}
