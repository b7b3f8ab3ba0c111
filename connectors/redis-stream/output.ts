/** A stream that takes a mapping's outputs: its shards as routes, and how far its readers are behind. */
import { OUTPUT_LOOK_MS, OUTPUT_LOOK_MS_MIN } from '../../src/limits.ts';
import { readBacklog } from '../../src/observe/backlog.ts';
import type { Backlog, OutputRoute, OutputTarget } from '../../src/output.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { loadRouter } from './router.ts';

export interface RedisStreamOutputOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly stream: string;
  /** Local monotonic ms. */
  readonly monoMs: () => number;
}

export function createRedisStreamOutput({ redis, keys, stream, monoMs }: RedisStreamOutputOptions): OutputTarget {
  let route: Promise<OutputRoute> | null = null;
  let seen: { readonly at: number; readonly backlog: Backlog | null } | null = null;
  let looking: Promise<Backlog | null> | null = null;
  let added = 0;

  async function load(): Promise<OutputRoute> {
    const { revision, keys: shardKeys, indexOf } = await loadRouter(redis, keys, stream);
    return { revision, keys: shardKeys, indexOf, topologyKey: keys.stream(stream) };
  }

  async function look(): Promise<Backlog | null> {
    const at = monoMs();
    added = 0;
    const backlog = await readBacklog(redis, keys, stream);
    seen = { at, backlog };
    return backlog;
  }

  function current(room: number): boolean {
    if (!seen) return false;
    const age = monoMs() - seen.at;
    if (age < OUTPUT_LOOK_MS_MIN) return true;
    const left = room - (seen.backlog?.unsettled ?? 0);
    return age < OUTPUT_LOOK_MS && added < left / 2;
  }

  return {
    stream,
    route(anew) {
      if (anew || !route) {
        const loading = load();
        // One that failed is not kept.
        loading.catch(() => (route = route === loading ? null : route));
        route = loading;
      }
      return route;
    },
    async full(most) {
      const backlog = current(most) ? seen!.backlog : await (looking ??= look().finally(() => (looking = null)));
      if (!backlog || backlog.unsettled < most) return null;
      return `${backlog.mapping} has ${backlog.unsettled} records of ${stream} unsettled, and ${most} are allowed`;
    },
    added(count) {
      added += count;
    },
  };
}
