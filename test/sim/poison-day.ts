/**
 * R21: shards with records that always fail, for more than a day of the virtual clock, beside shards without. No fault comes in between: what is
 * judged is when records expire, what becomes of those behind them, and that nobody else waits.
 */
import type { Redis } from '../../src/redis/connect.ts';
import { shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { initShard } from '../../src/shard/init.ts';
import { DAY, HOUR, SECOND } from '../../src/time.ts';
import type { UnitPolicy } from '../../src/unit/types.ts';
import type { TurnShard } from '../../src/turn/settings.ts';
import { type CheckResult, checkHistory } from '../chaos/checker.ts';
import type { NoticeEnd } from '../support/end-state.ts';
import { seedChance } from './chance.ts';
import { DaemonProcess } from './daemon-process.ts';
import { History, MAPPING } from './history.ts';
import { MemoryRedis } from './memory-redis.ts';
import { Nemesis } from './nemesis.ts';
import type { Server } from './redis-ports.ts';
import { type Reply, type Value, valueOf } from './reply.ts';
import { settingsOf } from './scenario.ts';
import { KEYS, SimulatedDaemon } from './simulated-daemon.ts';
import { TurnJobs } from './turn-jobs.ts';
import { World } from './world.ts';

/** Hours at which a record comes that always fails; a good one comes a minute after each hour. */
const POISON_HOURS = [0, 3] as const;
const GOOD_HOURS = 30;
const DAEMONS = 2;
/** A function that fails here at once. */
const HABITS = { fails: 0, partial: 0, dies: 0, away: 0, slow: 0 };
/** Looks of the sweep, rarer than in a daemon (10 s): it is not what is judged, and each costs. */
const PACE = { look: [240 * SECOND, 360 * SECOND], asks: false } as const;

export interface ShardOfDay {
  readonly name: string;
  readonly poisoned: boolean;
  readonly policy: UnitPolicy;
  readonly checked: CheckResult;
  /** Of those that expired: how long after the end of their day the notice was written, in ms. */
  readonly expired: readonly { readonly position: string; readonly count: number; readonly lateMs: number }[];
  readonly poison: readonly string[];
  /** How long good records waited for their success, at most, in ms. */
  readonly slowestMs: number;
  /** From the first expiry to the start of the record behind it; null: none expired. */
  readonly resumedMs: number | null;
  readonly succeeded: number;
  readonly drained: boolean;
}

class PoisonDay {
  readonly #world: World;
  readonly #redis: MemoryRedis;
  readonly #parts: Part[];
  readonly #alive = new Set<string>();

  constructor(seed: number, poisoned: number, healthy: number) {
    seedChance(seed);
    const world = (this.#world = new World(seed));
    this.#redis = new MemoryRedis(
      () => world.nowMs * 1_000,
      () => undefined,
    );
    const redis = this.#redis;
    this.#parts = Array.from({ length: poisoned + healthy }, (_, n) => new Part(world, redis, n, n < poisoned));
  }

  async run(): Promise<ShardOfDay[]> {
    for (let n = 0; n < DAEMONS; n++) {
      for (const part of this.#parts) {
        // Of a daemon's process there is nothing but its clock: no fault hits it.
        const process = new DaemonProcess(this.#world, part.nemesis, `d${n}`, n === 0 ? DAY : -HOUR);
        this.#alive.add(process.id);
        part.serve(process, this.#alive);
      }
    }
    for (const part of this.#parts) await part.begin();
    await this.#world.run(() => this.#world.nowMs > this.#parts[0]!.beganMs + GOOD_HOURS * HOUR, 2 * DAY);
    const isOver = () => this.#parts.every((part) => part.drained());
    await this.#world.run(isOver, DAY);
    return this.#parts.map((part) => part.judge());
  }
}

class Part {
  readonly nemesis: Nemesis;
  readonly beganMs: number;
  readonly #world: World;
  readonly #redis: MemoryRedis;
  readonly #history: History;
  readonly #jobs: TurnJobs;
  readonly #shard: TurnShard;
  readonly #policy: UnitPolicy;
  readonly #poisoned: boolean;
  readonly #poison = new Set<string>();
  readonly #daemons: SimulatedDaemon[] = [];
  readonly #state: string;

  constructor(world: World, redis: MemoryRedis, n: number, poisoned: boolean) {
    [this.#world, this.#redis, this.#poisoned, this.beganMs] = [world, redis, poisoned, world.nowMs];
    const shardId = shardIdOf(n);
    this.#shard = { shardId, key: `source-${n}`, parents: [], closed: false };
    this.#state = KEYS.shard(MAPPING, shardId);
    this.#history = new History(world, `${MAPPING}/${shardId}`);
    this.#jobs = new TurnJobs(world, redis, shardId, false);
    this.nemesis = new Nemesis(world, this.#history, { stalls: 0, crashes: [] }, () => undefined);
    this.nemesis.end();
    // A batch either says which of it failed, or is cut in half until that is known.
    const reports = n % 4 < 2;
    this.#policy = {
      ...{ batchSize: [1, 3, 10][n % 3]!, maximumRetryAttempts: -1, reportBatchItemFailures: reports },
      ...{ bisectBatchOnFunctionError: !reports, age: { kind: n % 2 === 0 ? 'strict' : 'default', ageMs: DAY } },
    };
  }

  async begin(): Promise<void> {
    const client = {
      call: (command: string, args: unknown[]) => Promise.resolve(this.#value([command, ...args.map(String)])),
    };
    const { shardId, key, parents } = this.#shard;
    const shard = { shardId, key, parents, checkpoint: '0-0', entriesRead: 0 };
    await initShard(client as unknown as Redis, KEYS, MAPPING, shard);
    if (this.#poisoned) for (const hour of POISON_HOURS) this.#world.in(hour * HOUR + SECOND, () => this.#append(true));
    for (let hour = 0; hour < GOOD_HOURS; hour++) this.#world.in(hour * HOUR + 60 * SECOND, () => this.#append(false));
  }

  serve(process: DaemonProcess, alive: ReadonlySet<string>): void {
    const around = {
      ...{ server: this.#server(), jobs: this.#jobs, nemesis: this.nemesis },
      ...{ history: this.#history, settings: settingsOf(this.#policy), shard: this.#shard, pace: PACE },
      habits: { ...HABITS, poison: this.#poison, reports: this.#policy.reportBatchItemFailures },
      alive: () => alive,
    };
    this.#daemons.push(new SimulatedDaemon(process, around));
  }

  #server(): Server {
    return { run: (command) => this.#serve(command), script: (sha1) => this.#redis.script(sha1) };
  }

  #serve(command: readonly string[]): Reply {
    const reply = this.#redis.run(command);
    this.#history.checkpoint(this.#redis.hash(this.#state)!.get('cp')!);
    this.#history.marker(this.#marker());
    return reply;
  }

  #marker(): string | null {
    return this.#redis.stream(this.#shard.key)?.groups.get(KEYS.group(MAPPING))?.last ?? null;
  }

  #value(command: readonly string[]): Value {
    return valueOf(this.#redis.run(command));
  }

  #append(poison: boolean): void {
    const id = this.#value(['XADD', this.#shard.key, '*', 'partitionKey', 'k', 'data', 'eA==']) as string;
    const position = toSequenceNumber(id);
    if (poison) this.#poison.add(position);
    this.#history.add({ kind: 'accepted', shard: this.#history.shard, positions: [position] });
    const daemon = this.#world.random.pick(this.#daemons);
    this.#world.go(daemon.process.hear(this.#world.some(1, 40), () => this.#world.go(daemon.look())));
  }

  drained(): boolean {
    const state = this.#redis.hash(this.#state)!;
    return state.get('units') === '[]' && state.get('cp') === this.#redis.stream(this.#shard.key)!.lastId;
  }

  #notices(): NoticeEnd[] {
    const { shardId } = this.#shard;
    return (this.#redis.stream('failed')?.entries ?? [])
      .map(({ id, fields }): NoticeEnd => {
        return { shard: this.#history.shard, id, notice: JSON.parse(fields[1]!) as NoticeEnd['notice'] };
      })
      .filter(({ notice }) => (notice.KinesisBatchInfo as unknown as { shardId: string }).shardId === shardId);
  }

  judge(): ShardOfDay {
    const state = this.#redis.hash(this.#state)!;
    const count = (name: string) => Number(state.get(`n:${name}`) ?? 0);
    const settled = { succeeded: count('succeeded'), expired: count('expired'), givenUp: count('givenUp') };
    const { shard: name, lines } = this.#history;
    const unitsPending = (JSON.parse(state.get('units')!) as unknown[]).length;
    const end = { shard: name, checkpoint: state.get('cp')!, groupMarker: this.#marker(), unitsPending, settled };
    const notices = this.#notices();
    const expiry = { ...this.#policy.age, timeoutMs: 7_000 };
    const all = { shards: [end], notices, failedJobs: 0, drained: true };
    const checked = checkHistory(lines, all, { liveness: { leaseMs: 10_000 }, expiry });
    const expired = notices.map(({ id, notice: { KinesisBatchInfo: info } }) => {
      const arrivedMs = Number(info.endSequenceNumber.slice(0, -20));
      const lateMs = Number(id.split('-')[0]) - arrivedMs - DAY;
      return { position: info.startSequenceNumber, count: info.batchSize, lateMs };
    });
    const waited = lines.flatMap((line) =>
      line.kind === 'success' ? line.positions.map((at) => line.tWall - Number(at.slice(0, -20))) : [],
    );
    const firstMs = notices[0] ? Number(notices[0].id.split('-')[0]) : null;
    const next = lines.find(({ kind, tWall }) => kind === 'start' && firstMs !== null && tWall >= firstMs);
    return {
      ...{ name, poisoned: this.#poisoned, policy: this.#policy, checked, expired, poison: [...this.#poison] },
      ...{ slowestMs: Math.max(...waited), resumedMs: firstMs === null || !next ? null : next.tWall - firstMs },
      ...{ succeeded: settled.succeeded, drained: this.drained() },
    };
  }
}

export function runPoisonDay(seed: number, shards: { poisoned: number; healthy: number }): Promise<ShardOfDay[]> {
  return new PoisonDay(seed, shards.poisoned, shards.healthy).run();
}
