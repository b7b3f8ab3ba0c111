/** A second Redis beside a lab's, that outputs go to: killed and started again as that one is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createStream } from '../../../connectors/redis-stream/manage.ts';
import { Keys } from '../../../src/redis/keys.ts';
import { OUTBOX_LEASE_MS } from '../../../src/outbox-limits.ts';
import { type RedisServer, startRedisServer } from '../../../src/redis/server.ts';
import { eventually } from '../../support/daemon.ts';
import { type Lab, type LabDaemon, pause } from './lab.ts';
import type { LabSpec } from './project.ts';
import { configOf, SOURCE, type Stage } from './pipeline.ts';
import { MAPPING } from './source.ts';

const CONNECTION = 'west';
const keys = new Keys('millrace');

export class OtherRedis {
  readonly client: Redis;
  readonly #dir: string;
  #server: RedisServer;

  constructor(dir: string, server: RedisServer) {
    this.#dir = dir;
    this.#server = server;
    this.client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    // It goes away on purpose; commands wait for it.
    this.client.on('error', () => undefined);
  }

  get url(): string {
    return this.#server.url;
  }

  async kill(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.exited;
  }

  /** On the same port and files. */
  async revive(): Promise<void> {
    this.#server = await startRedisServer({ dir: this.#dir, appendfsync: 'always', port: this.#server.port });
  }

  async close(): Promise<void> {
    this.client.disconnect();
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

export async function withOtherRedis<T>(body: (other: OtherRedis) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-west-'));
  const other = new OtherRedis(dir, await startRedisServer({ dir, appendfsync: 'always' }));
  try {
    return await body(other);
  } finally {
    await other.close();
  }
}

/** A stream of the lab's Redis that two mappings read, into a sharded stream and, many a record, into a plain one of the other. */
export function stagesTo({ client: on }: OtherRedis): readonly Stage[] {
  return [
    { mapping: MAPPING, from: SOURCE, to: 'enriched', fansOut: false },
    { mapping: 'aggregate', from: 'enriched', to: 'aggregated', fansOut: false, on },
    { mapping: 'archive', from: 'enriched', to: 'archived', fansOut: true, on },
  ];
}

export function specTo(other: OtherRedis): Pick<LabSpec, 'mapping' | 'more'> {
  const { mapping, more } = configOf(stagesTo(other), CONNECTION);
  return { mapping: mapping!, more: { ...more!, connections: { [CONNECTION]: { type: 'redis', url: other.url } } } };
}

/** Before the daemons start: else the streams would be plain ones. */
export async function makeShardedStreams({ redis }: Lab, other: OtherRedis): Promise<void> {
  await createStream(redis, keys, 'enriched', { shards: 3, retentionHours: 24 });
  await createStream(other.client, keys, 'aggregated', { shards: 2, retentionHours: 24 });
}

interface Outbox {
  /** Who sends from it, or sent last. */
  readonly by: string | null;
  readonly unsent: number;
}

async function outboxes({ redis }: Lab): Promise<Outbox[]> {
  const shardIds = await redis.zrange(keys.shardIndex('aggregate'), '0', '-1');
  const all = shardIds.flatMap((id) => [['aggregate', id] as const, ['archive', id] as const]);
  return await Promise.all(
    all.map(async ([mapping, id]) => ({
      by: await redis.hget(keys.shard(mapping, id), 'oo:by'),
      unsent: await redis.xlen(keys.unsent(mapping, id)),
    })),
  );
}

/** Who sends to the other Redis, or sent last; any daemon where nobody did. */
export async function someSender(lab: Lab, ready: readonly LabDaemon[]): Promise<LabDaemon> {
  const all = await outboxes(lab);
  const sending = all.filter(({ unsent }) => unsent > 0);
  const owners = (sending.length > 0 ? sending : all).map(({ by }) => by);
  const senders = ready.filter((daemon) => owners.includes(daemon.id() ?? null));
  return lab.random.pick(senders.length > 0 ? senders : ready);
}

/** Stops one that sends, until others have sent what it was about to, and lets it go on. */
export async function stopSender(lab: Lab): Promise<void> {
  await lab.someReady(null, 2);
  const id = await lab.beginFault('SIGSTOP');
  // At once: a moment later it may have sent all.
  const sending = async (): Promise<LabDaemon[]> => {
    const owners = (await outboxes(lab)).flatMap(({ by, unsent }) => (unsent > 0 ? [by] : []));
    return lab.ready().filter((one) => owners.includes(one.id() ?? null));
  };
  const some = await eventually(sending, (found) => found.length > 0, {
    withinMs: 20_000,
    everyMs: 5,
    what: 'a sender',
  });
  const daemon = lab.random.pick(some);
  daemon.process.kill('SIGSTOP');
  // What it had sent by then still takes effect.
  await pause(50);
  const hit = await lab.ownedBy(daemon);
  await pause(OUTBOX_LEASE_MS);
  const left = async (): Promise<boolean> => {
    const own = (await outboxes(lab)).some(({ by, unsent }) => by === daemon.id() && unsent > 0);
    return own || (await lab.ownedBy(daemon)).length > 0;
  };
  await eventually(left, (some) => !some, { withinMs: 20_000, everyMs: 100, what: 'others send' });
  await pause(lab.random.between(500, 1_500));
  daemon.process.kill('SIGCONT');
  await lab.healFault(id, 'SIGSTOP', hit);
}

/** No fault of the lab's world: nothing there waits for it. */
export async function killOther(lab: Lab, other: OtherRedis): Promise<void> {
  await pause(lab.random.between(300, 1_500));
  await other.kill();
  await pause(lab.random.between(0, 1_500));
  await other.revive();
}
