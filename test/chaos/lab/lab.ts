/**
 * A world for fault tests: a Redis that syncs every write, a recorder, real daemons as processes, a producer, and what breaks them.
 * Everything random comes from the seed; what the processes make of it does not repeat, so a failed run keeps its history.
 */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { messageOf } from '../../../src/errors.ts';
import { LOCK_MS } from '../../../src/limits.ts';
import { Keys } from '../../../src/redis/keys.ts';
import type { RedisServer } from '../../../src/redis/server.ts';
import { eventually, type LogLine, startTestDaemon, TEST_CACHE, type TestDaemon } from '../../support/daemon.ts';
import type { EndState } from '../../support/end-state.ts';
import type { FaultLine, HistoryLine, LeaseLine, Unstamped } from '../../support/history.ts';
import { type PositionSample, samplePositions } from '../../support/position-sampler.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';
import { type CheckOptions, checkHistory, type CheckResult, describeViolations } from '../checker.ts';
import { FailedJobs } from './failed-jobs.ts';
import { type Link, openLink } from './link.ts';
import { Producer } from './producer.ts';
import { configOf, copyHandler, LAB_DIR, type LabSpec, REDIS_OF_DAEMON } from './project.ts';
import { Random } from './random.ts';
import { timesOf } from './report.ts';
import { startServer } from './server.ts';
import { collectEnd, isDrained } from './shards.ts';
import { type LabShard, type LabSource, MAPPING, type ShardNow } from './source.ts';
import { openStreamSource } from './stream-source.ts';

const SAMPLE_EVERY_MS = 50;
const DRAIN_MS_MAX = 90_000;
const PRELOAD = new URL('../wrong-builds/preload.ts', import.meta.url).href;
/** Daemons start in half the time with it. Node writes it at a clean exit, which `close` sees to. */
const COMPILE_CACHE = path.join(TEST_CACHE, 'compiled');

export interface LabDaemon {
  readonly process: TestDaemon;
  readonly args: readonly string[];
  /** Its way to Redis, where that can break; null: straight. */
  readonly link: Link | null;
  /** As other daemons and the shards' state know it; undefined while it starts. */
  id(): string | undefined;
  alive: boolean;
}

export class Lab {
  readonly spec: LabSpec;
  readonly random: Random;
  readonly keys = new Keys('millrace');
  readonly source: LabSource;
  readonly daemons: LabDaemon[] = [];
  readonly redis: Redis;
  readonly recorder: Recorder;
  readonly producer: Producer;
  readonly dir: string;
  #server: RedisServer;
  readonly #sampler: { stop(): Promise<void> };
  readonly #failedJobs: FailedJobs;
  readonly #links: Link[] = [];
  readonly #epochs = new Map<string, string>();
  /** Fault id → shards that it hit, as far as that is known only afterwards. */
  readonly #hits = new Map<string, readonly string[]>();
  #faults = 0;
  /** False while several faults are there at once: then any of them may have hit any shard. */
  exact = true;
  /** Daemons that we ended. */
  readonly #ended = new Set<LabDaemon>();
  #trouble: unknown;

  constructor(parts: LabParts) {
    const { spec, dir, server, redis, recorder, source } = parts;
    this.spec = spec;
    this.dir = dir;
    this.random = new Random(spec.seed);
    this.source = source;
    this.#server = server;
    this.redis = redis;
    this.recorder = recorder;
    this.#failedJobs = new FailedJobs(redis, `${this.keys.queuePrefix()}:${MAPPING}`);
    this.producer = new Producer(source, recorder, new Random(spec.seed + 1));
    this.#sampler = samplePositions(recorder, () => this.#sample(), SAMPLE_EVERY_MS);
  }

  get shards(): readonly LabShard[] {
    return this.source.shards;
  }

  look(): Promise<ShardNow[]> {
    return this.source.look();
  }

  async #sample(): Promise<PositionSample[]> {
    await this.#failedJobs.look();
    const now = await this.look();
    const leases = now.flatMap(({ shard, state }): Unstamped<LeaseLine>[] => {
      const epoch = state['epoch'] ?? '0';
      if (epoch === '0' || this.#epochs.get(shard.name) === epoch) return [];
      this.#epochs.set(shard.name, epoch);
      const pid = this.daemons.find((daemon) => daemon.id() === state['owner'])?.process.pid ?? null;
      return [{ kind: 'lease', shard: shard.name, epoch, pid }];
    });
    await this.recorder.record(...leases);
    return now.map(({ shard, state, groupMarker, firstEntry, checkpoint }) => ({
      ...{ shard: shard.name, groupMarker, checkpoint, generation: Number(state['gen'] ?? 1) },
      ...(this.spec.trimmedByHand ? {} : { firstEntry }),
    }));
  }

  /** Writes millrace.yaml; again where the source's configuration changed. */
  async configure(): Promise<void> {
    const url = this.spec.sentinels?.url ?? this.#server.url;
    const text = stringify(configOf(this.spec, url, this.recorder, this.source));
    await writeFile(this.configFile, text);
  }

  get configFile(): string {
    return path.join(this.dir, 'millrace.yaml');
  }

  /** Of daemons and commands. */
  get env(): Readonly<Record<string, string>> {
    const { wrongBuild, preloads = [] } = this.spec;
    const all = wrongBuild ? [PRELOAD, ...preloads] : preloads;
    const loaded = all.length > 0 && { NODE_OPTIONS: all.map((url) => `--import=${url}`).join(' ') };
    const wrong = wrongBuild && { MILLRACE_TEST_WRONG_BUILD: wrongBuild };
    const cached = { MILLRACE_CACHE: TEST_CACHE, NODE_COMPILE_CACHE: COMPILE_CACHE };
    return { ...cached, [LAB_DIR]: this.dir, ...loaded, ...wrong };
  }

  // --- daemons ------------------------------------------------------------------------------------------------------

  start(...args: readonly string[]): LabDaemon {
    return this.startOver(null, ...args);
  }

  /** A way to Redis, for `startOver`. */
  async link(): Promise<Link> {
    const link = await openLink(this.#server.port);
    this.#links.push(link);
    return link;
  }

  startOver(link: Link | null, ...args: readonly string[]): LabDaemon {
    return this.#start(link, link ? { [REDIS_OF_DAEMON]: `redis://127.0.0.1:${link.port}` } : {}, args);
  }

  /** With an environment of its own. */
  startIn(env: Readonly<Record<string, string>>, ...args: readonly string[]): LabDaemon {
    return this.#start(null, env, args);
  }

  #start(link: Link | null, own: Readonly<Record<string, string>>, args: readonly string[]): LabDaemon {
    const process = startTestDaemon({ config: this.configFile, env: { ...this.env, ...own }, args });
    const id = (): string | undefined => process.lines.find((line) => line.msg === 'ready')?.['id'] as string;
    const daemon: LabDaemon = { process, args, link, id, alive: true };
    void process.exited.then(() => (daemon.alive = false));
    // One that ends by itself fails the test, whoever waits for what.
    process.ready.catch((error: unknown) => {
      if (!this.#ended.has(daemon)) this.#trouble ??= error;
    });
    this.daemons.push(daemon);
    return daemon;
  }

  #calm<T>(answer: T): T {
    if (this.#trouble) throw this.#trouble;
    return answer;
  }

  alive(): LabDaemon[] {
    return this.daemons.filter((daemon) => daemon.alive);
  }

  ready(): LabDaemon[] {
    return this.alive().filter((daemon) => daemon.id() !== undefined);
  }

  /** Those with the role that are at work; waits for `least` of them. */
  async someReady(role: 'poller' | 'executor' | null, least = 1): Promise<LabDaemon[]> {
    const find = (): LabDaemon[] => this.#calm(this.ready().filter(({ args }) => !role || args.includes(role)));
    const pids = (): number[] => find().map(({ process }) => process.pid);
    await eventually(pids, (found) => found.length >= least, { withinMs: 30_000, what: `${least} ready daemons` });
    return find();
  }

  async ownedBy(daemon: LabDaemon): Promise<string[]> {
    const id = daemon.id();
    const now = await this.look();
    return now.filter(({ state }) => state['owner'] === id).map(({ shard }) => shard.name);
  }

  /** SIGKILL; the shards whose turn it had are what the fault hit. */
  async kill(daemon: LabDaemon): Promise<readonly string[]> {
    const id = await this.beginFault('SIGKILL');
    this.#ended.add(daemon);
    daemon.process.kill('SIGKILL');
    await daemon.process.exited;
    const hit = await this.ownedBy(daemon);
    await this.healFault(id, 'SIGKILL', hit);
    return hit;
  }

  /** SIGTERM, and how it ended; no fault, because nothing may come of it. */
  async terminate(daemon: LabDaemon): Promise<number | null> {
    const { pid } = daemon.process;
    await this.recorder.record({ kind: 'term', pid });
    this.#ended.add(daemon);
    daemon.process.kill('SIGTERM');
    const { code } = await daemon.process.exited;
    const said = daemon.process.lines.find((line) => line.msg === 'draining');
    const drainingAt = said ? { drainingAt: Date.parse(String(said['time'])) } : {};
    await this.recorder.record({ kind: 'exit', pid, code, ...drainingAt });
    return code;
  }

  // --- faults -------------------------------------------------------------------------------------------------------

  async beginFault(fault: string): Promise<string> {
    const id = `fault-${++this.#faults}`;
    await this.recorder.record({ ...faultLine(fault, id), phase: 'begin' });
    return id;
  }

  /** `hit`: what it turned out to have hit; left out: it may be anything. */
  async healFault(id: string, fault: string, hit?: readonly string[]): Promise<void> {
    if (hit && this.exact) this.#hits.set(id, hit);
    await this.recorder.record({ ...faultLine(fault, id), phase: 'healed' });
  }

  /** SIGKILL and a restart on the same port and files. Resolves when it takes connections again. */
  async restartRedis(awayMs: number): Promise<void> {
    const id = await this.beginFault('redis SIGKILL');
    await this.killRedis();
    await pause(awayMs);
    await this.reviveRedis();
    await this.healFault(id, 'redis SIGKILL');
  }

  async killRedis(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.exited;
  }

  get redisPid(): number {
    return this.#server.pid;
  }

  async reviveRedis(): Promise<void> {
    this.#server = await startServer(this.dir, this.spec, this.#server.port);
  }

  /** All daemons and Redis; Redis is back when it resolves, and whatever `start` starts. Everything may have been hit. */
  async killEverything(start?: () => Promise<void>): Promise<void> {
    const id = await this.beginFault('everything SIGKILL');
    const daemons = this.alive();
    for (const daemon of daemons) {
      this.#ended.add(daemon);
      daemon.process.kill('SIGKILL');
    }
    await this.killRedis();
    await Promise.all(daemons.map(({ process }) => process.exited));
    await this.reviveRedis();
    await start?.();
    await this.healFault(id, 'everything SIGKILL');
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /** Ends the producer and waits until everything is settled; false when that never comes. */
  async drain(): Promise<boolean> {
    await this.producer.stop();
    // A longer run piles up more.
    const withinMs = this.spec.drainMsMax ?? Math.max(DRAIN_MS_MAX, timesOf(DRAIN_MS_MAX));
    const allDone = (now: readonly ShardNow[]): boolean => now.every(isDrained);
    return await eventually(() => this.look(), allDone, { withinMs, everyMs: 200, what: 'drained' }).then(
      () => true,
      () => false,
    );
  }

  /** What happened, with the shards that each fault really hit. */
  async history(): Promise<HistoryLine[]> {
    const lines = await this.recorder.history();
    return lines.map((line) =>
      line.kind === 'fault' ? { ...line, shards: this.#hits.get(line.id) ?? line.shards } : line,
    );
  }

  /** Drains and checks; the violations are the caller's to judge. */
  async check(options: Partial<CheckOptions> = {}): Promise<Checked> {
    const drained = await this.drain();
    await this.#sampler.stop();
    // Where it did not drain, what is left is a violation as well.
    const { trimmedByHand = false, countersLost = false } = this.spec;
    const failedJobs = await this.#failedJobs.count();
    const end = await collectEnd(this.source, { drained: true, trimmedByHand, countersLost, failedJobs });
    const history = await this.history();
    const result = checkHistory(history, end, { liveness: { leaseMs: LOCK_MS }, ...options });
    return { ...result, history, end, drained };
  }

  /** What the daemons said, in the order of time. */
  log(): string {
    const lines = this.daemons.flatMap(({ process: { pid, lines } }) => lines.map((line) => ({ ...line, pid })));
    const time = (line: LogLine): string => String(line['time']);
    lines.sort((a, b) => (time(a) < time(b) ? -1 : 1));
    return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  }

  async close(): Promise<void> {
    const last = this.ready().at(-1);
    if (last) {
      this.#ended.add(last);
      await Promise.race([last.process.stop(), pause(5_000)]);
    }
    for (const daemon of this.alive()) {
      this.#ended.add(daemon);
      daemon.process.kill('SIGKILL');
    }
    await Promise.all(this.daemons.map(({ process }) => process.exited));
    await Promise.all(this.#links.map((link) => link.close()));
    await this.#sampler.stop().catch(() => undefined);
    await this.source.close();
    this.redis.disconnect();
    await this.recorder.stop();
    this.#server.kill('SIGKILL');
    await this.#server.exited;
  }
}

interface LabParts {
  readonly spec: LabSpec;
  readonly dir: string;
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly recorder: Recorder;
  readonly source: LabSource;
}

export interface Checked extends CheckResult {
  readonly history: readonly HistoryLine[];
  readonly end: EndState;
  /** False: what was left after drainMsMax was still left. */
  readonly drained: boolean;
}

const faultLine = (fault: string, id: string): Omit<Unstamped<FaultLine>, 'phase'> =>
  ({ kind: 'fault', fault, id, shards: '*' }) as const;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function openLab(spec: LabSpec, dir: string): Promise<Lab> {
  const { sentinels } = spec;
  const server = sentinels ? await sentinels.primary() : await startServer(dir, spec);
  const own = () => new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  const redis = sentinels ? await sentinels.connect() : own();
  // Redis goes away on purpose; commands wait for it.
  redis.on('error', () => undefined);
  const recorder = await startRecorder(dir, `${spec.name}-${spec.seed}`);
  const parts = { redis, keys: new Keys('millrace') };
  const source = await (spec.source ? spec.source(parts) : openStreamSource(parts, spec.shards ?? 1));
  await copyHandler(dir);
  const lab = new Lab({ spec, dir, server, redis, recorder, source });
  await lab.configure();
  return lab;
}

/** Runs `body` in a world of its own. When it throws, the history stays, and the error says where and under which seed. */
export async function withLab<T>(spec: LabSpec, body: (lab: Lab) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-lab-'));
  const lab = await openLab(spec, dir);
  try {
    return await body(lab);
  } catch (error) {
    const kept = path.join(tmpdir(), `millrace-chaos-${spec.name}-${spec.seed}.ndjson`);
    await copyFile(lab.recorder.file, kept);
    await writeFile(`${kept}.log`, lab.log());
    throw new Error(`${spec.name}, seed ${spec.seed}, history kept in ${kept}\n${messageOf(error)}`, { cause: error });
  } finally {
    await lab.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Throws with the violations and their lines. */
export function mustBeClean(checked: Checked): void {
  if (checked.violations.length > 0) throw new Error(describeViolations(checked.violations));
}
