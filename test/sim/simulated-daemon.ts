/** A daemon of the simulation: the engine's executor, its expiry and what its pollers decide, over ports that can fail. */
import { createExecutor, type Executor } from '../../src/executor.ts';
import { EXPIRY_TICK_MS } from '../../src/limits.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Keys } from '../../src/redis/keys.ts';
import { sweepShards } from '../../src/shard/sweep.ts';
import { expireShard } from '../../src/turn/expire.ts';
import type { TurnMapping, TurnSettings, TurnShard } from '../../src/turn/settings.ts';
import { expiryOf } from '../../src/watch/expiring.ts';
import { judge } from '../../src/watch/judge.ts';
import { newPolledShard, type PolledShard } from '../../src/watch/polled-shard.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { type History, MAPPING, SHARD_ID } from './history.ts';
import type { Nemesis } from './nemesis.ts';
import { redisPorts, type RedisPorts, type Server } from './redis-ports.ts';
import { type FunctionHabits, scriptedSandbox } from './scripted-function.ts';
import type { TurnJobs } from './turn-jobs.ts';

export const KEYS = new Keys('sim');
export const STREAM = 'source';

export interface Surroundings {
  readonly server: Server;
  readonly jobs: TurnJobs;
  readonly nemesis: Nemesis;
  readonly history: History;
  readonly habits: FunctionHabits;
  readonly settings: TurnSettings;
  readonly shard: TurnShard;
  /** Virtual ms between looks, from and to; `asks`: for turns again and again, instead of waiting for one. */
  readonly pace: { readonly look: readonly [number, number]; readonly asks: boolean };
  /** Ids of the daemons that are. */
  alive(): ReadonlySet<string>;
}

export const ONE_SHARD: TurnShard = { shardId: SHARD_ID, key: STREAM, parents: [], closed: false };
const nothing = () => undefined;

export class SimulatedDaemon {
  readonly process: DaemonProcess;
  readonly #around: Surroundings;
  readonly #looks: RedisPorts;
  readonly #expiry: RedisPorts;
  readonly #executor: Executor;
  readonly #mapping: TurnMapping;
  readonly #polled: PolledShard;
  #looking = false;
  /** Virtual ms of the next expiry that a look is set for. */
  #due = 0;

  constructor(daemon: DaemonProcess, around: Surroundings) {
    [this.process, this.#around] = [daemon, around];
    const { settings, jobs, shard } = around;
    const portsOf = (part: string) => redisPorts(daemon, around.server, part);
    [this.#looks, this.#expiry] = [portsOf('look'), portsOf('expiry')];
    this.#mapping = {
      ...{ name: MAPPING, settings: () => settings, shard: () => shard, lookFor: () => Promise.resolve(shard) },
      ...{ shardCount: 1, outputTo: () => unexpected('an output') },
    };
    const wake = () => daemon.ask('turns wake', () => jobs.wake());
    const queue = {
      ...{ wake, hurry: () => daemon.ask('turns hurry', () => jobs.hurry()), promote: () => unexpected('promote') },
      ...{ freeStuck: () => Promise.resolve(false), obliterate: () => unexpected('obliterate') },
      close: () => Promise.resolve(),
    };
    const polled = {
      ...this.#mapping,
      queue,
      shards: () => [shard],
      stateLost: () => unexpected('lost state'),
      trim: null,
    };
    this.#polled = newPolledShard(polled, shard, 0);
    this.#executor = createExecutor({
      ...{ daemonId: daemon.id, ...portsOf('turn'), keys: KEYS, clock: daemon.clock, log: silentLog },
      sandbox: scriptedSandbox(daemon, around.history, around.habits),
      handlerLog: () => nothing,
      observe: {
        ...{ invoked: nothing, settled: nothing, throttled: nothing },
        ...{ retried: nothing, takenOver: nothing, fenced: nothing },
      },
      turnsPerMapping: 8,
    });
    daemon.world.go(this.#work());
    daemon.world.go(this.#sweep());
  }

  async #work(): Promise<void> {
    const { jobs } = this.#around;
    const { clock, world } = this.process;
    for (;;) {
      const askedAt = clock.monoMs();
      const token = await this.process.ask('queue moveToActive', () => jobs.take()).catch(() => null);
      if (token === null) await (this.#around.pace.asks ? clock.sleep(world.some(20, 120)) : jobs.maybe());
      else await jobs.run(this.process, token, askedAt, (lock) => this.#executor.turn(this.#mapping, lock));
    }
  }

  async #sweep(): Promise<void> {
    for (;;) {
      await this.process.clock.sleep(this.process.world.some(...this.#around.pace.look));
      await this.look();
    }
  }

  /** One look at the shard, and what follows from it. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look();
    } catch {
      // Redis could not be asked; the next look does what this one did not.
    } finally {
      this.#looking = false;
    }
  }

  #lookAt(ms: number): void {
    if (this.#due === ms) return;
    this.#due = ms;
    const { world } = this.process;
    world.in(ms - world.nowMs + world.some(0, EXPIRY_TICK_MS), () => world.go(this.look()));
  }

  async #look(): Promise<void> {
    const { redis } = this.#looks;
    const { shard } = this.#around;
    const { shardId, key } = shard;
    const { nowMs, views } = await sweepShards(redis, KEYS, [{ mapping: MAPPING, shardId, key }]);
    const view = views[0]!;
    const [polled, alive] = [this.#polled, this.#around.alive()];
    polled.view = view;
    polled.expiresAt = expiryOf(polled, view, nowMs);
    const verdict = judge(view, nowMs, alive);
    if (polled.expiresAt > 0 && polled.expiresAt <= nowMs) {
      const { clock } = this.process;
      const ids = { daemonId: this.process.id, keys: KEYS };
      const deps = { ...this.#expiry, ...ids, clock, log: silentLog, onSettled: nothing };
      await expireShard(deps, this.#mapping, shard, alive.has(view.owner) ? '' : view.owner);
    }
    // As the poller does, which has the moment from its look and is at it then.
    else if (polled.expiresAt > 0 && !this.#around.pace.asks) this.#lookAt(polled.expiresAt);
    if (verdict.kind !== 'work') return;
    const { queue } = polled.mapping;
    for (let times = this.#around.nemesis.wakes(); times > 0; times--) await queue.wake([shardId]);
    if (view.unitPending) await queue.hurry(shardId);
  }
}

function unexpected(what: string): never {
  throw new Error(`the simulation does not have ${what}`);
}
