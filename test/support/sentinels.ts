/** A primary, a replica and three Sentinels, all real processes on free ports; who is the primary changes as they decide. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { connectRedis } from '../../src/redis/connect.ts';
import { freePort, type RedisServer, startRedisServer } from '../../src/redis/server.ts';
import { eventually } from './daemon.ts';

const PRIMARY = 'main';
const SENTINELS = 3;
const QUORUM = 2;
/** Of silence, and a server counts as down. */
const DOWN_AFTER_MS = 1_000;
const FAILOVER_TIMEOUT_MS = 5_000;
const SETTLED_MS_MAX = 60_000;

export interface SentinelSpec {
  readonly dir: string;
  readonly binary?: string;
  readonly appendfsync?: 'always' | 'no';
  /** Of the servers and of the Sentinels, which have different ones. */
  readonly passwords?: { readonly server: string; readonly sentinel: string };
}

export class SentinelGroup {
  readonly #spec: SentinelSpec;
  readonly #ports: readonly number[];
  readonly #sentinels: readonly ChildProcess[];
  /** By port. */
  readonly #servers: Map<number, RedisServer>;

  constructor(
    spec: SentinelSpec,
    servers: readonly RedisServer[],
    ports: readonly number[],
    sentinels: ChildProcess[],
  ) {
    this.#spec = spec;
    this.#servers = new Map(servers.map((server) => [server.port, server]));
    this.#ports = ports;
    this.#sentinels = sentinels;
  }

  /** What users write. */
  get url(): string {
    const { server, sentinel } = this.#spec.passwords ?? {};
    const hosts = this.#ports.map((port) => `127.0.0.1:${port}`).join(',');
    return `redis-sentinel://${server ? `:${server}@` : ''}${hosts}/0${sentinel ? `?sentinelPassword=${sentinel}` : ''}#${PRIMARY}`;
  }

  /** To whichever server is the primary, for as long as it takes to find one. */
  async connect(): Promise<Redis> {
    const client = await connectRedis(this.url, { role: 'test' });
    return client.on('error', () => undefined);
  }

  /** As most of the Sentinels say. */
  async primary(): Promise<RedisServer> {
    const said = await Promise.all(this.#ports.map((port) => this.#ask(port, 'GET-MASTER-ADDR-BY-NAME', PRIMARY)));
    const ports = said.map((answer) => Number((answer as string[])[1]));
    const port = ports.find((one) => ports.filter((other) => other === one).length >= QUORUM);
    return this.#servers.get(port ?? 0)!;
  }

  /** SIGKILL; resolves with it once another one is the primary. */
  async killPrimary(): Promise<RedisServer> {
    const killed = await this.primary();
    killed.kill('SIGKILL');
    await killed.exited;
    await this.#another(killed);
    return killed;
  }

  /** One that was killed comes back on its files, and is made a replica. Resolves when it is one, in sync. */
  async revive({ port }: RedisServer): Promise<void> {
    this.#servers.set(port, await startRedisServer({ ...serverOf(this.#spec, port), port }));
    await this.#inSync();
  }

  /** Somebody who maintains it asks for it: the old primary lives on as a replica. Resolves when it is one, in sync. */
  async switchOver(): Promise<void> {
    const before = await this.primary();
    const isAnother = otherThan(before);
    // Not again while it may be under way: the one that is asked would then be led back.
    let askedMs = -Infinity;
    const asking = async (): Promise<RedisServer> => {
      const now = await this.primary();
      if (isAnother(now) || performance.now() - askedMs < 2 * FAILOVER_TIMEOUT_MS) return now;
      // On a machine that is full they may not know the replica well enough yet, or have one under way.
      const taken = await this.#ask(this.#ports[0]!, 'FAILOVER', PRIMARY).catch((error: Error) => {
        if (!/^(INPROG|NOGOODSLAVE)/.test(error.message)) throw error;
      });
      if (taken !== undefined) askedMs = performance.now();
      return now;
    };
    await eventually(asking, isAnother, {
      withinMs: SETTLED_MS_MAX,
      everyMs: 100,
      what: 'the primary that was asked for',
    });
    await this.#inSync();
  }

  async close(): Promise<void> {
    for (const child of this.#sentinels) child.kill('SIGKILL');
    for (const server of this.#servers.values()) server.kill('SIGKILL');
    await Promise.all([...this.#servers.values()].map(({ exited }) => exited));
    const running = this.#sentinels.filter((child) => child.exitCode === null && child.signalCode === null);
    await Promise.all(running.map((child) => once(child, 'exit')));
  }

  async #another(before: RedisServer): Promise<void> {
    await eventually(() => this.primary(), otherThan(before), {
      withinMs: SETTLED_MS_MAX,
      everyMs: 50,
      what: 'another primary',
    });
  }

  async #inSync(): Promise<void> {
    const roles = async (): Promise<string[]> =>
      await Promise.all([...this.#servers.keys()].map((port) => this.#replication(port)));
    const settled = (found: readonly string[]): boolean =>
      found.filter((text) => text.includes('role:master')).length === 1 &&
      found.some((text) => text.includes('master_link_status:up'));
    await eventually(roles, settled, {
      withinMs: SETTLED_MS_MAX,
      everyMs: 50,
      what: 'a primary and a replica in sync',
    });
    // They change over only to a replica that they have heard of.
    const known = async (): Promise<boolean> => {
      const answers = await Promise.all(this.#ports.map((port) => this.#ask(port, 'REPLICAS', PRIMARY)));
      return (answers as string[][][]).every(
        (replicas) => replicas.length === 1 && !/down|disconnected/.test(after(replicas[0]!, 'flags')),
      );
    };
    await eventually(known, Boolean, {
      withinMs: SETTLED_MS_MAX,
      everyMs: 50,
      what: 'Sentinels that know the replica',
    });
  }

  async settled(): Promise<this> {
    await this.#inSync();
    const peers = async (): Promise<number[]> => {
      const answers = await Promise.all(this.#ports.map((port) => this.#ask(port, 'SENTINELS', PRIMARY)));
      return (answers as unknown[][]).map((others) => others.length);
    };
    const all = (counts: readonly number[]): boolean => counts.every((count) => count === SENTINELS - 1);
    await eventually(peers, all, { withinMs: SETTLED_MS_MAX, everyMs: 50, what: 'Sentinels that know each other' });
    return this;
  }

  async #replication(port: number): Promise<string> {
    return await asking(port, this.#spec.passwords?.server, (client) => client.info('replication'));
  }

  async #ask(port: number, ...args: readonly string[]): Promise<unknown> {
    return await asking(port, this.#spec.passwords?.sentinel, (client) => client.call('SENTINEL', ...args));
  }
}

const otherThan =
  (before: RedisServer) =>
  ({ port }: RedisServer): boolean =>
    port !== before.port;

const after = (list: readonly string[], name: string): string => list[list.indexOf(name) + 1]!;

async function asking<T>(port: number, password: string | undefined, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ port, host: '127.0.0.1', ...(password && { password }), enableReadyCheck: false });
  client.on('error', () => undefined);
  try {
    return await ask(client);
  } finally {
    client.disconnect();
  }
}

function serverOf({ dir, binary, appendfsync = 'no', passwords }: SentinelSpec, port: number) {
  const auth = passwords ? ['--requirepass', passwords.server, '--masterauth', passwords.server] : [];
  // It would wait for other replicas.
  const args = [...auth, '--repl-diskless-sync-delay', '0'];
  return { dir: path.join(dir, `server-${port}`), ...(binary !== undefined && { binary }), appendfsync, args };
}

/** Resolves when the replica is in sync and all know each other. */
export async function startSentinels(spec: SentinelSpec): Promise<SentinelGroup> {
  const [first, second] = [await freePort(), await freePort()];
  const primary = await startRedisServer({ ...serverOf(spec, first), port: first });
  const own = serverOf(spec, second);
  const args = [...own.args, '--replicaof', '127.0.0.1', String(first)];
  const replica = await startRedisServer({ ...own, port: second, args });
  const ports: number[] = [];
  const sentinels: ChildProcess[] = [];
  for (let n = 0; n < SENTINELS; n++) {
    const port = await freePort();
    ports.push(port);
    sentinels.push(await startSentinel(spec, port, first));
  }
  return await new SentinelGroup(spec, [primary, replica], ports, sentinels).settled();
}

async function startSentinel(spec: SentinelSpec, port: number, primaryPort: number): Promise<ChildProcess> {
  const dir = path.join(spec.dir, `sentinel-${port}`);
  await mkdir(dir, { recursive: true });
  const { server, sentinel } = spec.passwords ?? {};
  const lines = [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${dir}`, 'protected-mode no'],
    `sentinel monitor ${PRIMARY} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${PRIMARY} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${PRIMARY} ${FAILOVER_TIMEOUT_MS}`,
    ...(server ? [`sentinel auth-pass ${PRIMARY} ${server}`] : []),
    ...(sentinel ? [`requirepass ${sentinel}`, `sentinel sentinel-pass ${sentinel}`] : []),
  ];
  const file = path.join(dir, 'sentinel.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  return spawn(spec.binary ?? 'redis-server', [file, '--sentinel'], { stdio: 'ignore' });
}
