/** A Redis that comes back without writes that it had acknowledged: with a cut append-only file, or as a replica that had not got them. */
import { readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { mendAppendOnly } from '../../../src/redis/append-only.ts';
import { compareIds } from '../../../src/record.ts';
import { type RedisServer, startRedisServer } from '../../../src/redis/server.ts';
import { eventually } from '../../support/daemon.ts';
import { type Lab, pause } from './lab.ts';
import type { Random } from './random.ts';
import { redisBinary } from './server.ts';
import type { ShardNow } from './source.ts';

const SYNCED_MS_MAX = 20_000;
const CUT_BYTES_MAX = 1_000_000;
let faults = 0;

/** A fault after which positions may go back: of all shards, or of those that it can have hit at all. */
export async function lossy(
  lab: Lab,
  fault: string,
  work: () => Promise<void>,
  shards: '*' | readonly string[] = '*',
): Promise<void> {
  const line = { kind: 'fault', fault, id: `lossy-${++faults}`, shards, lossy: true } as const;
  await lab.recorder.record({ ...line, phase: 'begin' });
  await work();
  await lab.recorder.record({ ...line, phase: 'healed' });
}

export interface Cutting {
  /** Cuts the last `bytes` off the file of a killed Redis, but nothing of what was there at the beginning. Resolves with how many it cut. */
  cut(bytes: number): Promise<number>;
}

/** As often a few bytes as many. */
export function bytesToCut(random: Random): number {
  return Math.ceil(CUT_BYTES_MAX ** (random.between(1, 100) / 100));
}

/** What is there by now is not lost: a source that is gone as a whole is another fault (R12). */
export async function beginCutting(lab: Lab): Promise<Cutting> {
  const dir = path.join(lab.dir, 'redis', 'appendonlydir');
  const newest = async (): Promise<string> => {
    const name = (await readdir(dir)).filter((file) => file.endsWith('.incr.aof')).toSorted((a, b) => (a < b ? -1 : 1));
    return path.join(dir, name.at(-1)!);
  };
  const binary = await redisBinary();
  const { size: kept } = await stat(await newest());
  return {
    async cut(bytes) {
      let done = 0;
      await lossy(lab, 'redis SIGKILL, its file cut', async () => {
        await lab.killRedis();
        const file = await newest();
        const { size } = await stat(file);
        const left = Math.max(kept, size - bytes);
        done = size - left;
        await truncate(file, left);
        await mendAppendOnly(path.join(lab.dir, 'redis'), binary, () => undefined);
        await lab.reviveRedis();
      });
      return done;
    },
  };
}

export interface Replica {
  /**
   * It no longer hears of its primary, which goes on for so long and is killed; the replica takes its place, at the same address. Resolves
   * with how many shards have a checkpoint that went back.
   */
  failOver(lostMs: number): Promise<number>;
}

/** Resolves when it has everything that the lab's Redis has. */
export async function startReplica(lab: Lab): Promise<Replica> {
  const dir = path.join(lab.dir, 'replica');
  const { host, port } = lab.redis.options as { readonly host: string; readonly port: number };
  // It would wait for others.
  await lab.redis.config('SET', 'repl-diskless-sync-delay', '0');
  const binary = await redisBinary();
  const server: RedisServer = await startRedisServer({ dir, binary, args: ['--replicaof', host, String(port)] });
  const client = new Redis(server.url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const synced = async (): Promise<boolean> => /master_link_status:up/.test(await client.info('replication'));
  await eventually(synced, Boolean, { withinMs: SYNCED_MS_MAX, everyMs: 50, what: 'a replica in sync' });
  return {
    async failOver(lostMs) {
      let back = 0;
      await lossy(lab, 'redis failed over', async () => {
        await client.replicaof('NO', 'ONE');
        await pause(lostMs);
        const before = await lab.look();
        await lab.killRedis();
        client.disconnect();
        await server.stop();
        await rm(path.join(lab.dir, 'redis'), { recursive: true });
        await rename(dir, path.join(lab.dir, 'redis'));
        await lab.reviveRedis();
        back = countBack(before, await lab.look());
      });
      return back;
    },
  };
}

function countBack(before: readonly ShardNow[], now: readonly ShardNow[]): number {
  return before.filter(({ shard, checkpoint }) => {
    const since = now.find((one) => one.shard === shard)?.checkpoint ?? null;
    return checkpoint !== null && (since === null || compareIds(since, checkpoint) < 0);
  }).length;
}

/**
 * Tells the history what the streams lost of what they had accepted, or given to a handler. After `drain`. `unsettled`: only what was not
 * done by then, where nothing of it can come back.
 */
export async function tellLosses(lab: Lab, which: 'all' | 'unsettled' = 'all'): Promise<number> {
  const history = await lab.history();
  let count = 0;
  for (const shard of lab.shards) {
    const had = new Set(
      history.flatMap((line) =>
        (line.kind === 'accepted' || line.kind === 'start') && line.shard === shard.name ? line.positions : [],
      ),
    );
    for (const position of await lab.source.positionsIn(shard)) had.delete(position);
    if (which === 'unsettled')
      for (const line of history)
        if (line.kind === 'success' && line.shard === shard.name) for (const p of line.positions) had.delete(p);
    count += had.size;
    if (had.size > 0) await lab.recorder.record({ kind: 'source-lost', shard: shard.name, positions: [...had] });
  }
  return count;
}
