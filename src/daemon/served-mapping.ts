/** One mapping as this daemon serves it: settings, shards, queue and worker. Settings may be exchanged while it runs (a reload). */
import { messageOf } from '../errors.ts';
import { INIT_AT_ONCE, LOST_SHARDS_NAMED_MAX, TOPOLOGY_MS } from '../limits.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { openTurnQueue, type TurnQueue } from '../queue/turn-queue.ts';
import { openTurnWorker, type TurnEnd, type TurnLock, type TurnWorker } from '../queue/turn-worker.ts';
import { OUTBOX_STREAM } from '../outbox.ts';
import type { OutputTarget } from '../output.ts';
import type { FunctionVersion } from '../sandbox/types.ts';
import { disownLost, initShard } from '../shard/init.ts';
import { createOutboxOutput } from '../shard/outbox-output.ts';
import type { Feed, Source, SourceDescription, SourceShard, StartingPosition } from '../source/port.ts';
import { openOutput } from '../source/registry.ts';
import type { TurnMapping, TurnSettings, TurnShard } from '../turn/settings.ts';
import type { PolledMapping } from '../watch/polled-shard.ts';
import { type FeedingDeps, openFeed, sourceOf } from './feeding.ts';
import { readersOf, startingPosition, toSettings } from './mapping-settings.ts';
import { markStarted } from './registry.ts';

export interface ServedDeps extends FeedingDeps {
  /** This daemon is a poller: it fills shards whose records live in another system. */
  readonly feeds: boolean;
}

export class ServedMapping implements PolledMapping {
  readonly name: string;
  readonly queue: TurnQueue;
  readonly #deps: ServedDeps;
  #source: Source;
  #config: MappingConfig;
  #version: FunctionVersion;
  #settings: TurnSettings | null = null;
  #description: SourceDescription | null = null;
  /** Shards lost their state: the set is to be begun anew, though the source's is the same. */
  #incomplete = false;
  /** Local ms at which Redis had the mapping's state for the last time. */
  #hadStateAt = 0;
  #lostSinceMs: number | null = null;
  #shards = new Map<string, TurnShard>();
  #shardList: readonly TurnShard[] = [];
  #worker: TurnWorker | null = null;
  #paused = false;
  #feed: Feed | null = null;
  readonly #outputs = new Map<string, OutputTarget>();
  #closed = false;
  #looking: Promise<void> | null = null;
  #changed = false;
  #problem: string | null = null;

  constructor(deps: ServedDeps, config: MappingConfig, version: FunctionVersion) {
    this.name = config.name;
    this.#deps = deps;
    this.#config = config;
    this.#version = version;
    this.#source = sourceOf(config, deps);
    const { redis, keys, log } = deps;
    this.queue = openTurnQueue({ connection: redis, prefix: keys.queuePrefix(), mapping: config.name, log });
  }

  /** Why it cannot be served right now, in a sentence; null: it can. */
  get problem(): string | null {
    return this.#problem ?? this.#feed?.problem ?? null;
  }

  get config(): MappingConfig {
    return this.#config;
  }

  settings(): TurnSettings {
    const { keys } = this.#deps;
    this.#settings ??= toSettings(this.#config, this.#version, keys, this.#description?.arn ?? '');
    return this.#settings;
  }

  /** The same list until the shards change. */
  shards(): readonly TurnShard[] {
    return this.#shardList;
  }

  get shardCount(): number {
    return this.#shards.size;
  }

  shard(shardId: string): TurnShard | undefined {
    return this.#shards.get(shardId);
  }

  async lookFor(shardId: string): Promise<TurnShard | undefined> {
    // A look that began before the shard was there does not see it.
    await this.#looking;
    if (!this.#shards.has(shardId)) await this.#lookOnce();
    return this.#shards.get(shardId);
  }

  outputTo(stream: string, shardId: string): OutputTarget {
    const { redis, keys, clock } = this.#deps;
    const toOutbox = stream === OUTBOX_STREAM;
    const key = toOutbox ? keys.unsent(this.name, shardId) : stream;
    const outbox = {
      ...{ redis, keys, mapping: this.name, shardId, monoMs: () => clock.monoMs() },
      waitsAt: () => readersOf(this.#config),
    };
    const output = this.#outputs.get(key) ?? (toOutbox ? createOutboxOutput(outbox) : openOutput(stream, this.#deps));
    this.#outputs.set(key, output);
    return output;
  }

  get trim(): PolledMapping['trim'] {
    const retentionMs = this.#description?.retentionMs ?? null;
    if (retentionMs === null) return null;
    const beforeMs = (nowMs: number) => (retentionMs === 'settled' ? null : nowMs - retentionMs);
    return { retentionMs, run: (shard, nowMs) => this.#trim(shard, beforeMs(nowMs)) };
  }

  async #trim(shard: TurnShard, beforeMs: number | null): Promise<void> {
    const { redis, keys } = this.#deps;
    const readers = await redis.smembers(keys.readers(shard.key));
    const stateKeys = readers.map((mapping) => keys.shard(mapping, shard.shardId));
    for (let more = true; more;) ({ more } = await this.#source.trim(shard, stateKeys, beforeMs));
  }

  /** From the next unit on. */
  replace(config: MappingConfig, version: FunctionVersion): void {
    if (JSON.stringify(config.source) !== JSON.stringify(this.#config.source)) {
      this.#source = sourceOf(config, this.#deps);
      // The next refresh opens it anew, by what is configured now.
      void this.#closeFeed();
    }
    this.#config = config;
    this.#version = version;
    this.#settings = null;
  }

  /** True when Redis lost what it held of the mapping (flushed, or forgotten by force); the next refresh begins it anew, as configured. */
  async wasForgotten(): Promise<boolean> {
    const { redis, keys, log, clock } = this.#deps;
    if (!this.#description) return false;
    const askedAt = clock.monoMs();
    if ((await redis.hget(keys.mapping(this.name), 'started')) === '1') {
      this.#hadStateAt = askedAt;
      return false;
    }
    const [seconds] = await redis.time();
    this.#lostSinceMs = Number(seconds) * 1000 - (clock.monoMs() - this.#hadStateAt) - TOPOLOGY_MS;
    log.error(
      { mapping: this.name, startingPosition: this.#config.startingPosition },
      'the state of the mapping was lost: it begins anew at its starting position',
    );
    this.#description = null;
    return true;
  }

  async stateLost(shardIds: readonly string[]): Promise<void> {
    const { redis, keys, log } = this.#deps;
    const found = await disownLost(redis, keys, this.name, shardIds);
    this.#incomplete = true;
    if (found.length === 0) return;
    const shards = found.slice(0, LOST_SHARDS_NAMED_MAX);
    log.error(
      { mapping: this.name, count: found.length, shards },
      'the state of shards was lost: they begin anew, at the first record that their source has',
    );
  }

  /** Asks the source for its shards and gives new ones their state; true when the set changed since this was last asked. */
  async refresh(): Promise<boolean> {
    await this.#lookOnce();
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Many turns may ask at once for shards that are new. */
  #lookOnce(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    let description: SourceDescription;
    try {
      description = await this.#source.describe();
    } catch (error) {
      this.#problem = messageOf(error);
      throw error;
    }
    this.#problem = null;
    if (this.#deps.feeds && !this.#closed)
      this.#feed ??= openFeed(
        this.#deps,
        this.#source,
        this.#config,
        () => this.settings(),
        (shardId) => this.#wake(shardId),
      );
    const known = this.#description;
    const same = known?.revision === description.revision && known.shards.length === description.shards.length;
    if (same && !this.#incomplete) {
      this.#description = description;
      return;
    }
    await this.#init(description.shards);
    this.#incomplete = false;
    this.#shards = new Map(description.shards.map((shard) => [shard.shardId, this.#sameOrNew(shard)]));
    this.#shardList = [...this.#shards.values()];
    this.#description = description;
    this.#settings = null;
    this.#changed = true;
  }

  /** A shard that did not change stays the same object, so that who watches it need not look again. */
  #sameOrNew(shard: SourceShard): TurnShard {
    const known = this.#shards.get(shard.shardId);
    return known && known.key === shard.key && known.closed === shard.closed ? known : shard;
  }

  /**
   * startingPosition holds for the shards that are there when the mapping first starts; shards that appear later are children of
   * known ones and are read from their beginning (esm-semantics.md §1.6).
   */
  async #init(shards: readonly SourceShard[]): Promise<void> {
    const { redis, keys } = this.#deps;
    const have = new Set(await redis.zrange(keys.shardIndex(this.name), '0', '-1'));
    const missing = shards.filter((shard) => !have.has(shard.shardId));
    const started = (await redis.hget(keys.mapping(this.name), 'started')) === '1';
    const position = started ? ({ kind: 'TRIM_HORIZON' } as const) : this.#startingPosition();
    for (let i = 0; i < missing.length; i += INIT_AT_ONCE) {
      await Promise.all(
        missing.slice(i, i + INIT_AT_ONCE).map(async (shard) => {
          const start = await this.#source.start(shard, position);
          await initShard(redis, keys, this.name, { ...shard, ...start });
        }),
      );
    }
    if (!started) await markStarted(redis, keys, this.name);
  }

  /** LATEST is meant for the records of before: what has come since the state was lost was not there when the mapping began. */
  #startingPosition(): StartingPosition {
    const configured = startingPosition(this.#config);
    if (this.#lostSinceMs === null || configured.kind !== 'LATEST') return configured;
    return { kind: 'AT_TIMESTAMP', timestampMs: this.#lostSinceMs };
  }

  openWorker(concurrency: number, onTurn: (mapping: TurnMapping, lock: TurnLock) => Promise<TurnEnd>): void {
    const { redis, keys, clock, log } = this.#deps;
    this.#worker ??= openTurnWorker({
      ...{ connection: redis, prefix: keys.queuePrefix(), mapping: this.name, concurrency, clock, log },
      // A worker that was waiting when it was paused may still get one job.
      onTurn: (lock) => (this.#paused ? Promise.resolve({ kind: 'yield' } as const) : onTurn(this, lock)),
    });
  }

  /** Takes no further turns while `paused`: a newer version of the function is alive elsewhere. */
  async setPaused(paused: boolean): Promise<void> {
    if (paused === this.#paused || !this.#worker) return;
    this.#paused = paused;
    if (paused) await this.#worker.pause();
    else this.#worker.resume();
  }

  async closeWorker(): Promise<void> {
    await this.#worker?.close();
    this.#worker = null;
  }

  #wake(shardId: string): void {
    this.queue.wake([shardId]).catch((error: unknown) => {
      this.#deps.log.warn({ mapping: this.name, error: String(error) }, 'wake failed, the sweep will repeat it');
    });
  }

  async #closeFeed(): Promise<void> {
    const feed = this.#feed;
    this.#feed = null;
    await feed?.stop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.closeWorker();
    await this.#closeFeed();
    await this.queue.close();
  }
}
