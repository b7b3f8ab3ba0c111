/**
 * STORY 1: how a shard comes to have a turn. Watch every shard cheaply; when a batch is due, wake the shard's job (story 2, executor.ts,
 * takes it from there); when its turn ends, watch it again. Besides, the watcher of a shard expires what is overdue without a turn,
 * trims what is settled, and sweeps: every shard is looked at within SWEEP_EVERY_MS, whatever signal was lost before.
 *
 * Nothing here is needed for safety. Two pollers may watch one shard, a wake may come twice or too early: taking a turn decides.
 */
import type { Redis } from './redis/connect.ts';
import { EXPIRY_TICK_MS, EXPIRE_AT_ONCE, TRIM_MS, TURN_LOST_MS, TURN_OVERDUE_MS, WINDOW_TICK_MS } from './limits.ts';
import type { Log } from './observe/log.ts';
import { type EntryId, idMs } from './record.ts';
import type { Keys } from './redis/keys.ts';
import type { ShardView } from './shard/sweep.ts';
import type { Clock } from './time.ts';
import { idIsTime } from './arrival.ts';
import { type ExpireDeps, expireShard } from './turn/expire.ts';
import type { HandBack } from './turn/settings.ts';
import { watcherOf } from './watch/assign.ts';
import { type MappingGauges, sumGauges } from './watch/gauges.ts';
import { judge } from './watch/judge.ts';
import { parentsDone } from './watch/parents.ts';
import { newPolledShard, type PolledMapping, type PolledShard, shardKey } from './watch/polled-shard.ts';
import { sweepPlan } from './watch/sweep-plan.ts';
import { Sweeper } from './watch/sweep.ts';
import { every, type Repeating } from './watch/every.ts';
import { Watcher } from './watch/watcher.ts';
import { windowIsDue } from './watch/windows.ts';

export interface PollerDeps extends Omit<ExpireDeps, 'onSettled'> {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSettled: ExpireDeps['onSettled'];
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
  readonly #expiring = new Set<string>();
  readonly #wakes = new Map<PolledMapping, Set<string>>();
  readonly #sweeper: Sweeper;
  #alive: ReadonlySet<string> = new Set();
  #redisAhead = 0;
  #closed = false;

  constructor(deps: PollerDeps) {
    this.#deps = deps;
    const { clock, log } = deps;
    this.#sweeper = new Sweeper(deps.redis, deps.keys);
    this.#watcher = new Watcher({
      ...{ connect: deps.connectWatch, control: deps.redis, clock, log },
      onRecord: (id, first) => this.#onRecord(id, first),
    });
    const failed = (what: string) => (error: unknown) =>
      log.warn({ error: error instanceof Error ? error.message : String(error) }, `${what} interrupted, it goes on`);
    const repeat = (what: string, pauseMs: () => number, work: () => Promise<void>) =>
      every(clock, pauseMs, work, failed(what));
    const pauseOf = () => sweepPlan(this.#shards.size).pauseMs;
    this.#sweeping = repeat('sweep', pauseOf, () => this.#sweepSome());
    this.#loops = [
      this.#sweeping,
      repeat(
        'batching windows',
        () => WINDOW_TICK_MS,
        () => this.#weighWindows(),
      ),
      repeat(
        'expiry',
        () => EXPIRY_TICK_MS,
        () => this.#expireDue(),
      ),
      repeat(
        'trim',
        () => TRIM_MS,
        () => this.#trim(),
      ),
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
  #recordsThere(polled: PolledShard, first: EntryId, dueAt = 0): void {
    const { windowMs } = polled.mapping.settings();
    polled.expiresAt = this.#expiryOfUnread(polled, first);
    if (windowMs === 0) return this.#wake(polled);
    const due = dueAt || Math.max(polled.settledAt, Math.min(idMs(first), this.#nowMs())) + windowMs;
    polled.window = { after: polled.checkpoint, records: 0, bytes: 0, dueAt: due };
    this.#enter(polled, 'window');
  }

  async #weighWindows(): Promise<void> {
    for (const polled of this.#shards.values()) {
      if (polled.state !== 'window') continue;
      const due = await windowIsDue(this.#deps.redis, polled, this.#nowMs());
      if (due && polled.state === 'window') this.#wake(polled);
    }
  }

  /** Wakes are gathered, so that many shards that become due together cost one call. */
  #wake(polled: PolledShard): void {
    this.#enter(polled, 'awake');
    const { mapping } = polled;
    const waiting = this.#wakes.get(mapping);
    if (waiting) return void waiting.add(polled.shard.shardId);
    this.#wakes.set(mapping, new Set([polled.shard.shardId]));
    setImmediate(() => {
      const ids = [...(this.#wakes.get(mapping) ?? [])];
      this.#wakes.delete(mapping);
      if (this.#closed) return;
      mapping.queue.wake(ids).catch((error: unknown) => {
        // The sweep finds them again.
        this.#deps.log.warn({ mapping: mapping.name, error: String(error) }, 'wake failed, the sweep will repeat it');
      });
    });
  }

  /** A turn ended somewhere. */
  handBack(back: HandBack): void {
    if (back.state === 'done') this.#wakeChildren(back);
    const polled = this.#shards.get(shardKey(back.mapping, back.shardId));
    if (!polled) return;
    polled.checkpoint = back.checkpoint;
    polled.settledAt = back.settledAt;
    polled.expiresAt = back.expiresAt;
    if (back.state === 'done') return this.#done(polled);
    if (back.state === 'queued') return this.#enter(polled, 'awake');
    if (back.state === 'parked') {
      polled.until = back.until;
      return this.#enter(polled, 'parked');
    }
    if (back.dueAt > 0) {
      this.#recordsThere(polled, back.checkpoint, back.dueAt);
      // Not by the checkpoint's age: when the record behind it expires is seen by the next look.
      polled.expiresAt = back.expiresAt;
      return;
    }
    this.#watch(polled);
  }

  #watch(polled: PolledShard): void {
    this.#enter(polled, 'watching');
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
      this.#enter(child, 'unknown');
      this.#sweeping.poke();
    }
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
    const { nowMs, seen, roundEnded } = await this.#sweeper.next([...this.#shards.values()]);
    this.#redisAhead = nowMs - this.#deps.clock.monoMs();
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
    if (verdict.kind === 'running') return await this.#running(polled);
    if (verdict.kind === 'done') return this.#done(polled);
    polled.checkpoint = view.checkpoint;
    polled.settledAt = view.settledAt;
    polled.expiresAt = this.#expiryOf(polled, view);
    if (verdict.kind === 'parked') {
      polled.until = verdict.until;
      return this.#enterOnce(polled, 'parked');
    }
    if (verdict.kind === 'idle') {
      if (polled.state !== 'watching') this.#watch(polled);
      return;
    }
    if (!polled.parentsDone) {
      polled.parentsDone = await parentsDone(this.#deps, polled);
      if (!polled.parentsDone) return this.#enterOnce(polled, 'waiting-for-parents');
    }
    await this.#workFound(polled, verdict.first, nowMs);
  }

  /**
   * Somebody alive has the turn. If it does not end, its job may be gone all the same (its holder found its lease run out, an answer was
   * lost on the way): a wake is merged with a turn that runs, and else begins the one that is missing.
   */
  async #running(polled: PolledShard): Promise<void> {
    this.#enterOnce(polled, 'awake');
    if (this.#deps.clock.monoMs() - polled.since < TURN_OVERDUE_MS) return;
    await polled.mapping.queue.wake([polled.shard.shardId]);
    polled.since = this.#deps.clock.monoMs();
  }

  /** There is work and nobody runs it: usually it has just been woken. */
  async #workFound(polled: PolledShard, first: EntryId | null, nowMs: number): Promise<void> {
    const waited = this.#deps.clock.monoMs() - polled.since;
    const late = polled.state === 'parked' ? nowMs - polled.until : waited;
    switch (polled.state) {
      case 'window':
        return;
      case 'awake':
      case 'parked':
        if (late < TURN_OVERDUE_MS) return;
        if (late > TURN_LOST_MS && (await polled.mapping.queue.freeStuck(polled.shard.shardId))) {
          this.#deps.log.warn({ mapping: polled.mapping.name, shard: polled.shard.shardId }, 'a lost turn was freed');
        }
        await polled.mapping.queue.hurry(polled.shard.shardId);
        await polled.mapping.queue.wake([polled.shard.shardId]);
        return;
      default:
        if (first === null) return this.#wake(polled);
        return this.#recordsThere(polled, first);
    }
  }

  #enterOnce(polled: PolledShard, state: PolledShard['state']): void {
    if (polled.state !== state) this.#enter(polled, state);
  }

  #expiryOf(polled: PolledShard, view: ShardView): number {
    if (view.expiresAt > 0) return view.expiresAt;
    return view.nextId === null || view.unitPending ? 0 : this.#expiryOfUnread(polled, view.nextId);
  }

  /** By the id, if that is a time; else a first look has to note when the record was seen, and says when it expires. */
  #expiryOfUnread(polled: PolledShard, first: EntryId): number {
    const { policy, firstSeen } = polled.mapping.settings();
    const { age } = policy;
    if (age.kind !== 'strict' || age.ageMs === null) return 0;
    const now = this.#nowMs();
    if (!firstSeen && idIsTime(first, now)) return idMs(first) + age.ageMs;
    return polled.expiresAt > now ? polled.expiresAt : now;
  }

  // --- expiry and trimming ------------------------------------------------------------------------------------------

  async #expireDue(): Promise<void> {
    const now = this.#nowMs();
    const due = [...this.#shards.values()].filter(
      (p) => p.expiresAt > 0 && p.expiresAt <= now && !this.#expiring.has(p.id),
    );
    await Promise.all(
      due.slice(0, EXPIRE_AT_ONCE).map(async (polled) => {
        this.#expiring.add(polled.id);
        try {
          const { expiresAt } = polled;
          const back = await expireShard(this.#deps, polled.mapping, polled.shard, this.#deadOwner(polled));
          // Somebody has it, or its parents come first: it makes room for others until the next look.
          if (!back && polled.expiresAt === expiresAt) polled.expiresAt = 0;
          if (!back) return;
          this.handBack(back);
          if (back.state === 'queued') this.#wake(polled);
        } finally {
          this.#expiring.delete(polled.id);
        }
      }),
    );
  }

  /** Whoever had the shard when it was last looked at, if that daemon is gone: it will not settle anything any more. */
  #deadOwner({ view }: PolledShard): string {
    return view && view.owner !== '' && !this.#alive.has(view.owner) ? view.owner : '';
  }

  async #trim(): Promise<void> {
    for (const { mapping, shard } of [...this.#shards.values()]) {
      if (!mapping.trim || this.#closed) continue;
      try {
        await mapping.trim(shard, this.#nowMs());
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
    return Math.floor(this.#deps.clock.monoMs() + this.#redisAhead);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await this.#watcher.close();
  }
}
