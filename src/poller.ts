/**
 * STORY 1: how a shard comes to have a turn. Watch every shard cheaply; when a batch is due, wake the shard's job (story 2, executor.ts,
 * takes it from there); when its turn ends, watch it again. Besides, the watcher of a shard expires what is overdue without a turn,
 * trims what is settled, and sweeps: every shard is looked at within SWEEP_EVERY_MS, whatever signal was lost before.
 *
 * Nothing here is needed for safety. Two pollers may watch one shard, a wake may come twice or too early: taking a turn decides.
 */
import { messageOf } from './errors.ts';
import { EXPIRY_TICK_MS, FILTER_LOOK_AGAIN_MS, TRIM_MS, WINDOW_TICK_MS } from './limits.ts';
import { type EntryId, idMs } from './record.ts';
import type { Redis } from './redis/connect.ts';
import type { ShardView } from './shard/sweep.ts';
import type { ExpireDeps } from './turn/expire.ts';
import type { HandBack, ShardChanged } from './turn/settings.ts';
import { AssignedBefore, watcherOf } from './watch/assign.ts';
import { every, type Repeating } from './watch/every.ts';
import { Expiring, expiryOf, expiryOfUnread } from './watch/expiring.ts';
import { type MappingGauges, sumGauges } from './watch/gauges.ts';
import { judge } from './watch/judge.ts';
import { hurryLateTurn, wakeLongTurn } from './watch/overdue.ts';
import { parentsDone } from './watch/parents.ts';
import { newPolledShard, type PolledMapping, type PolledShard, shardKey } from './watch/polled-shard.ts';
import { sweepPlan } from './watch/sweep-plan.ts';
import { Sweeper } from './watch/sweep.ts';
import { RedisTime } from './time.ts';
import { Wakes } from './watch/wakes.ts';
import { canTrim } from './watch/trimming.ts';
import { Watcher } from './watch/watcher.ts';
import { tumblingEndOf, tumblingIsDue, windowIsDue } from './watch/windows.ts';

export interface PollerDeps extends ExpireDeps {
  /** A new connection for one group of watches. */
  readonly connectWatch: () => Redis;
  readonly gauges: (mapping: string, gauges: MappingGauges) => void;
}

export class Poller {
  readonly #deps: PollerDeps;
  readonly #watcher: Watcher;
  readonly #shards = new Map<string, PolledShard>();
  readonly #sweeping: Repeating;
  readonly #loops: Repeating[];
  readonly #expiring: Expiring;
  readonly #wakes: Wakes;
  readonly #sweeper: Sweeper;
  readonly #assigned = new AssignedBefore();
  #alive: ReadonlySet<string> = new Set();
  readonly #redisTime: RedisTime;
  #closed = false;

  constructor(deps: PollerDeps) {
    this.#deps = deps;
    const { clock, log } = deps;
    this.#redisTime = new RedisTime(clock, clock.monoMs());
    this.#sweeper = new Sweeper(deps.redis, deps.keys);
    this.#expiring = new Expiring(deps);
    this.#wakes = new Wakes(log);
    this.#watcher = new Watcher({
      ...{ connect: deps.connectWatch, control: deps.redis, clock, log },
      onRecord: (id, first) => this.#onRecord(id, first),
    });
    const failed = (what: string) => (error: unknown) =>
      log.warn({ error: messageOf(error) }, `${what} interrupted, it goes on`);
    const repeat = (what: string, pauseMs: () => number, work: () => Promise<void>) =>
      every(clock, pauseMs, work, failed(what));
    const pauseOf = () => sweepPlan(this.#shards.size).pauseMs;
    this.#sweeping = repeat('sweep', pauseOf, () => this.#sweepSome());
    const tick = (ms: number) => () => ms;
    this.#loops = [
      this.#sweeping,
      repeat('batching windows', tick(WINDOW_TICK_MS), () => this.#weighWindows()),
      repeat('expiry', tick(EXPIRY_TICK_MS), () => this.#expireDue()),
      repeat('trim', tick(TRIM_MS), () => this.#trim()),
    ];
  }

  get watched(): number {
    return this.#shards.size;
  }

  /** Who watches what: called when members, mappings or shards change; `members` are the pollers that serve the mapping. */
  assign(
    me: string,
    mappings: readonly { readonly mapping: PolledMapping; readonly members: readonly string[] }[],
    alive: ReadonlySet<string>,
  ): void {
    this.#alive = alive;
    if (!this.#assigned.changes(mappings)) return;
    const mine = new Set<string>();
    for (const { mapping, members } of mappings) {
      for (const shard of mapping.shards()) {
        const id = shardKey(mapping.name, shard.shardId);
        if (watcherOf(id, members) !== me) continue;
        mine.add(id);
        const known = this.#shards.get(id);
        if (known && known.mapping === mapping && known.shard === shard) continue;
        this.#shards.set(id, newPolledShard(mapping, shard, this.#deps.clock.monoMs()));
        this.#sweeping.poke();
      }
    }
    for (const id of [...this.#shards.keys()]) {
      if (mine.has(id)) continue;
      this.#watcher.forget(id);
      this.#shards.delete(id);
    }
  }

  /** A record came on a watched shard. */
  #onRecord(id: string, first: EntryId): void {
    const polled = this.#shards.get(id);
    if (polled?.state === 'watching') this.#recordsThere(polled, first);
  }

  /** Due at once, or when the batching window has passed or the batch is full (esm-semantics.md §1.4). */
  #recordsThere(polled: PolledShard, first: EntryId, back?: HandBack): void {
    const { windowMs, filter } = polled.mapping.settings();
    polled.expiresAt = expiryOfUnread(polled, first, this.#nowMs());
    if (windowMs === 0) return this.#wake(polled);
    const began = Math.min(idMs(first), this.#nowMs());
    const dueAt = back?.dueAt ?? Math.min(Math.max(polled.settledAt, began) + windowMs, tumblingEndOf(polled, began));
    const { after, records, eventBytes } = back?.gathered ?? { after: polled.checkpoint, records: 0, eventBytes: 0 };
    // What comes may be filtered out, which only a turn can tell.
    const notBefore = back && filter ? this.#nowMs() + FILTER_LOOK_AGAIN_MS : 0;
    polled.window = { after, records, eventBytes, dueAt, notBefore };
    this.#enter(polled, 'window');
  }

  async #weighWindows(): Promise<void> {
    for (const polled of this.#shards.values()) {
      if (tumblingIsDue(polled, this.#nowMs())) this.#wake(polled);
      if (polled.state !== 'window') continue;
      const due = await windowIsDue(this.#deps.redis, polled, this.#nowMs());
      if (due && polled.state === 'window') this.#wake(polled);
    }
  }

  #wake(polled: PolledShard): void {
    this.#enter(polled, 'awake');
    this.#wakes.add(polled);
  }

  /** A turn ended somewhere, or an operator acted on a shard. */
  handBack(back: HandBack | ShardChanged): void {
    if (back.state === 'changed') return this.#lookAgain(this.#shards.get(shardKey(back.mapping, back.shardId)));
    if (back.state === 'done') this.#wakeChildren(back);
    const polled = this.#shards.get(shardKey(back.mapping, back.shardId));
    if (!polled) return;
    polled.checkpoint = back.checkpoint;
    polled.settledAt = back.settledAt;
    polled.expiresAt = back.expiresAt;
    polled.windowDueAt = back.windowDueAt;
    if (back.state === 'done') return this.#done(polled);
    if (back.state === 'queued') return this.#enter(polled, 'awake');
    if (back.state === 'parked') {
      polled.until = back.until;
      return this.#enter(polled, 'parked');
    }
    if (back.dueAt > 0) {
      this.#recordsThere(polled, back.checkpoint, back);
      // Not by the checkpoint's age: when the record behind it expires is seen by the next look.
      polled.expiresAt = back.expiresAt;
      return;
    }
    this.#watch(polled);
  }

  #watch(polled: PolledShard): void {
    this.#enter(polled, 'watching');
    // Whoever fills a spool wakes its shard (daemon/feeding.ts), but for a batching window.
    if (polled.shard.spooled && polled.mapping.settings().windowMs === 0) return;
    this.#watcher.watch({ id: polled.id, key: polled.shard.key, after: polled.checkpoint });
  }

  #done(polled: PolledShard): void {
    this.#enter(polled, 'done');
    polled.expiresAt = 0;
    this.#watcher.forget(polled.id);
  }

  #wakeChildren(parent: { readonly mapping: string; readonly shardId: string }): void {
    for (const child of this.#shards.values()) {
      if (child.mapping.name !== parent.mapping || !child.shard.parents.includes(parent.shardId)) continue;
      this.#lookAgain(child);
    }
  }

  #lookAgain(polled: PolledShard | undefined): void {
    if (!polled) return;
    this.#enter(polled, 'unknown');
    polled.parentsDone = polled.shard.parents.length === 0;
    this.#sweeping.poke();
  }

  #enter(polled: PolledShard, state: PolledShard['state']): void {
    if (polled.state === 'watching' && state !== 'watching') this.#watcher.pause(polled.id);
    if (state !== 'window') polled.window = null;
    polled.changed = this.#deps.clock.monoMs();
    if (polled.state !== state || state === 'awake') polled.since = polled.changed;
    polled.state = state;
  }

  // --- the safety net -----------------------------------------------------------------------------------------------

  async #sweepSome(): Promise<void> {
    if (this.#shards.size === 0) return;
    const askedAt = this.#deps.clock.monoMs();
    const { nowMs, seen, lost, roundEnded } = await this.#sweeper.next([...this.#shards.values()]);
    this.#redisTime.heard(nowMs);
    for (const mapping of new Set(lost.map((polled) => polled.mapping)))
      await mapping.stateLost(lost.filter((polled) => polled.mapping === mapping).map(({ shard }) => shard.shardId));
    for (const { polled, view } of seen) {
      // What changed while the look was on its way is newer than what it saw.
      if (polled.changed > askedAt) polled.view = view;
      else if (this.#shards.get(polled.id) === polled) await this.#reconcile(polled, view, nowMs);
    }
    if (!roundEnded) return;
    for (const [mapping, gauges] of sumGauges(this.#shards.values(), this.#nowMs())) this.#deps.gauges(mapping, gauges);
  }

  async #reconcile(polled: PolledShard, view: ShardView, nowMs: number): Promise<void> {
    polled.view = view;
    const verdict = judge(view, nowMs, this.#alive);
    if (verdict.kind === 'running') {
      this.#enterOnce(polled, 'awake');
      return await wakeLongTurn(polled, this.#deps.clock.monoMs());
    }
    if (verdict.kind === 'done') return this.#done(polled);
    if (verdict.kind === 'paused') {
      polled.expiresAt = 0;
      return this.#enterOnce(polled, 'paused');
    }
    polled.checkpoint = view.checkpoint;
    polled.settledAt = view.settledAt;
    polled.expiresAt = expiryOf(polled, view, nowMs);
    polled.windowDueAt = view.windowDueAt;
    if (verdict.kind === 'parked') {
      polled.until = verdict.until;
      return this.#enterOnce(polled, 'parked');
    }
    if (verdict.kind === 'idle') {
      polled.checkpoint = verdict.from ?? polled.checkpoint;
      polled.windowDueAt = verdict.until ?? polled.windowDueAt;
      if (polled.state !== 'watching') this.#watch(polled);
      return;
    }
    if (!polled.parentsDone) {
      polled.parentsDone = await parentsDone(this.#deps, polled);
      if (!polled.parentsDone) return this.#enterOnce(polled, 'waiting-for-parents');
    }
    await this.#workFound(polled, verdict.first, nowMs);
  }

  /** There is work and nobody runs it: usually it has just been woken. */
  async #workFound(polled: PolledShard, first: EntryId | null, nowMs: number): Promise<void> {
    const { log, clock } = this.#deps;
    if (polled.state === 'window') return;
    if (polled.state === 'parked') return await hurryLateTurn(polled, nowMs - polled.until, log);
    if (polled.state === 'awake') return await hurryLateTurn(polled, clock.monoMs() - polled.since, log);
    if (first === null) return this.#wake(polled);
    this.#recordsThere(polled, first);
  }

  #enterOnce(polled: PolledShard, state: PolledShard['state']): void {
    if (polled.state !== state) this.#enter(polled, state);
  }

  // --- expiry and trimming ------------------------------------------------------------------------------------------

  async #expireDue(): Promise<void> {
    await this.#expiring.round(this.#shards.values(), this.#nowMs(), this.#alive, (polled, back) => {
      this.handBack(back);
      if (back.state === 'queued') this.#wake(polled);
    });
  }

  async #trim(): Promise<void> {
    for (const { mapping, shard, view } of [...this.#shards.values()]) {
      if (!mapping.trim || this.#closed) continue;
      if (!canTrim(view, mapping.trim.retentionMs, this.#nowMs())) continue;
      try {
        await mapping.trim.run(shard, this.#nowMs());
      } catch (error) {
        // One key that cannot be trimmed must not let the others grow.
        this.#deps.log.warn(
          { mapping: mapping.name, shard: shard.shardId, error: String(error) },
          'trim failed, it is tried again',
        );
      }
    }
  }

  #nowMs(): number {
    return this.#redisTime.nowMs();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wakes.close();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    this.#watcher.close();
  }
}
