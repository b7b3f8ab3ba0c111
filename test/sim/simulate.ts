/**
 * One seed: the engine's turns, expiry and sweeps in this process, over a model of Redis, a virtual clock and a scheduler that the seed
 * decides; then the checker of the fault tests over what the recorder saw. The same seed gives the same history, byte by byte.
 */
import { createHash } from 'node:crypto';
import type { Redis } from '../../src/redis/connect.ts';
import { nextId, toSequenceNumber } from '../../src/record.ts';
import { initShard } from '../../src/shard/init.ts';
import { type CheckResult, checkHistory } from '../chaos/checker.ts';
import type { Violation } from '../chaos/shard-view.ts';
import type { EndState, NoticeEnd } from '../support/end-state.ts';
import { seedChance } from './chance.ts';
import type { CrashPoints } from './crash-points.ts';
import { DaemonProcess } from './daemon-process.ts';
import { History, MAPPING, SHARD, SHARD_ID } from './history.ts';
import { MemoryRedis } from './memory-redis.ts';
import { Nemesis } from './nemesis.ts';
import { type Crash, needsOf } from './points.ts';
import type { Server } from './redis-ports.ts';
import { type Reply, type Value, valueOf } from './reply.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import type { FunctionHabits } from './scripted-function.ts';
import { KEYS, ONE_SHARD, SimulatedDaemon, STREAM, type Surroundings } from './simulated-daemon.ts';
import { TurnJobs } from './turn-jobs.ts';
import { World } from './world.ts';

export interface Simulated {
  readonly violations: readonly Violation[];
  readonly reached: CheckResult['reached'];
  /** Of each kind: how many were done. */
  readonly faults: ReadonlyMap<string, number>;
  readonly points: CrashPoints;
  readonly history: string;
  /** SHA-256 of the history. */
  readonly hash: string;
}

const DAEMONS = 2;
const DAY_MS = 86_400_000;
/** Virtual. Two backoffs of a minute come into it, and ages. */
const DRAIN_MS_MAX = 600_000;
/** So long after the storm the function may still fail by chance; for longer, one of some thousand seeds is too unlucky to ever drain. */
const BAD_LUCK_MS = 300_000;
/** A look comes at the latest so long after the one before, a turn when the queue lets it. */
const CHECKED = { liveness: { leaseMs: 10_000 } };
const EXPIRY_SLACK_MS = 5_000;
const STATE = KEYS.shard(MAPPING, SHARD_ID);

class Simulation {
  readonly #world: World;
  readonly #history: History;
  readonly #redis: MemoryRedis;
  readonly #jobs: TurnJobs;
  readonly #nemesis: Nemesis;
  readonly #scenario: Scenario;
  readonly #poison = new Set<string>();
  readonly #habits: FunctionHabits;
  readonly #around: Surroundings;
  #daemons: SimulatedDaemon[] = [];
  #started = 0;
  #storm = true;
  #appended = 0;

  constructor(seed: number, crashes: readonly Crash[]) {
    seedChance(seed);
    const world = (this.#world = new World(seed));
    this.#history = new History(world);
    this.#scenario = drawScenario(world.random, needsOf(crashes));
    this.#redis = new MemoryRedis(
      () => world.nowMs * 1_000,
      () => this.#nudge(),
    );
    this.#jobs = new TurnJobs(world, this.#redis);
    this.#nemesis = new Nemesis(world, this.#history, { stalls: this.#scenario.stalls, crashes }, () => this.#start());
    const { settings, ...drawn } = this.#scenario;
    this.#habits = { ...drawn, poison: this.#poison, reports: settings.policy.reportBatchItemFailures };
    this.#around = {
      ...{ server: this.#server(), jobs: this.#jobs, nemesis: this.#nemesis },
      ...{ history: this.#history, settings, shard: ONE_SHARD, pace: { look: [200, 3_000], asks: true } },
      habits: this.#habits,
      alive: () => new Set(this.#daemons.filter(({ process }) => process.alive).map(({ process }) => process.id)),
    };
  }

  async run(): Promise<{ readonly drained: boolean }> {
    const { random } = this.#world;
    const client = {
      call: (command: string, args: unknown[]) => Promise.resolve(this.#value([command, ...args.map(String)])),
    };
    const shard = { shardId: SHARD_ID, key: STREAM, parents: [], checkpoint: '0-0', entriesRead: 0 };
    await initShard(client as unknown as Redis, KEYS, MAPPING, shard);
    for (let n = 0; n < DAEMONS; n++) this.#start();
    const { stormMs, records, crashes, freezes } = this.#scenario;
    for (let n = 0; n < records; n++) this.#world.in(this.#world.some(0, stormMs), () => this.#append());
    const sometime = (act: () => void) => this.#world.in(this.#world.some(0, stormMs), act);
    const some = () => random.pick(this.#daemons).process;
    for (let n = 0; n < crashes; n++) sometime(() => this.#nemesis.crash(some()));
    for (let n = 0; n < freezes; n++) sometime(() => this.#nemesis.freeze(some()));
    for (let n = random.between(0, 3); n > 0; n--) sometime(() => this.#trim());
    if (random.chance(0.2)) sometime(() => this.#lose());
    this.#world.in(stormMs, () => this.#calm());
    return { drained: await this.#world.run(() => this.#drained(), stormMs + DRAIN_MS_MAX) };
  }

  #start(): void {
    this.#daemons = this.#daemons.filter(({ process }) => process.alive);
    const offset = this.#world.random.pick([0, DAY_MS, -DAY_MS, 3_600_000]);
    const process = new DaemonProcess(this.#world, this.#nemesis, `d${++this.#started}`, offset);
    this.#daemons.push(new SimulatedDaemon(process, this.#around));
  }

  #server(): Server {
    return { run: (command) => this.#serve(command), script: (sha1) => this.#redis.script(sha1) };
  }

  #serve(command: readonly string[]): Reply {
    const reply = this.#redis.run(command);
    this.#history.checkpoint(this.#redis.hash(STATE)!.get('cp')!);
    this.#history.marker(this.#marker());
    return reply;
  }

  #marker(): string | null {
    return this.#redis.stream(STREAM)?.groups.get(KEYS.group(MAPPING))?.last ?? null;
  }

  #value(command: readonly string[]): Value {
    return valueOf(this.#redis.run(command));
  }

  #append(): void {
    this.#appended++;
    const id = this.#value(['XADD', STREAM, '*', 'partitionKey', 'k', 'data', 'eA==']) as string;
    const position = toSequenceNumber(id);
    if (this.#world.random.chance(this.#scenario.poisoned)) this.#poison.add(position);
    this.#history.add({ kind: 'accepted', shard: SHARD, positions: [position] });
    this.#nudge();
  }

  /** A poller hears that something changed; it may be lost, and a sweep finds it later. */
  #nudge(): void {
    if (this.#daemons.length === 0 || this.#nemesis.wakes() === 0) return;
    const daemon = this.#world.random.pick(this.#daemons);
    this.#world.go(daemon.process.hear(this.#world.some(1, 40), () => this.#world.go(daemon.look())));
  }

  /** What is settled goes from the source. */
  #trim(): void {
    this.#redis.run(['XTRIM', STREAM, 'MINID', nextId(this.#redis.hash(STATE)!.get('cp')!)]);
  }

  /** The source loses records that nobody has read, or is reading: a gap, which has to be reported. */
  #lose(): void {
    const { entries } = this.#redis.stream(STREAM) ?? { entries: [] };
    if (entries.length === 0) return;
    this.#nemesis.trimmed();
    this.#redis.run(['XTRIM', STREAM, 'MINID', nextId(this.#world.random.pick(entries).id)]);
    this.#nudge();
  }

  #calm(): void {
    this.#nemesis.end();
    this.#storm = false;
    this.#world.in(BAD_LUCK_MS, () => Object.assign(this.#habits, { fails: 0, partial: 0, dies: 0, away: 0 }));
  }

  #drained(): boolean {
    if (this.#storm || this.#appended < this.#scenario.records || !this.#jobs.idle) return false;
    const state = this.#redis.hash(STATE)!;
    return state.get('units') === '[]' && state.get('cp') === this.#redis.stream(STREAM)!.lastId;
  }

  check(drained: boolean): Simulated {
    const { age } = this.#scenario.settings.policy;
    const expiry = { ...age, timeoutMs: this.#scenario.settings.version.timeoutMs, slackMs: EXPIRY_SLACK_MS };
    const { violations, reached } = checkHistory(this.#history.lines, this.#end(), { ...CHECKED, expiry });
    const stuck: Violation[] = drained
      ? []
      : [{ invariant: 'I8', shard: SHARD, message: `not settled ${DRAIN_MS_MAX} ms after the faults`, excerpt: [] }];
    const state = JSON.stringify([...this.#redis.hash(STATE)!]);
    const history = `${this.#history.lines.map((line) => JSON.stringify(line)).join('\n')}\n${state}\n`;
    const hash = createHash('sha256').update(history).digest('hex');
    const { done: faults, points } = this.#nemesis;
    return { violations: [...violations, ...stuck], reached, faults, points, history, hash };
  }

  #end(): EndState {
    const state = this.#redis.hash(STATE)!;
    const count = (name: string) => Number(state.get(`n:${name}`) ?? 0);
    const settled = { succeeded: count('succeeded'), expired: count('expired'), givenUp: count('givenUp') };
    const marker = this.#marker();
    const notices = (this.#redis.stream('failed')?.entries ?? []).map(({ id, fields }): NoticeEnd => {
      return { shard: SHARD, id, notice: JSON.parse(fields[1]!) as NoticeEnd['notice'] };
    });
    const unitsPending = (JSON.parse(state.get('units')!) as unknown[]).length;
    const shard = { shard: SHARD, checkpoint: state.get('cp')!, groupMarker: marker, unitsPending, settled };
    return { shards: [shard], notices, failedJobs: 0, drained: true };
  }
}

/** `crashes`: beside what the seed draws. @throws what the engine threw that nothing of it caught */
export async function simulate(seed: number, crashes: readonly Crash[] = []): Promise<Simulated> {
  const simulation = new Simulation(seed, crashes);
  const { drained } = await simulation.run();
  return simulation.check(drained);
}
