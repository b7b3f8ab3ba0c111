/**
 * A model of the queue for one shard: its one job, the lock on it, wakes that merge with it, and the check for stalled jobs. What BullMQ does
 * of this is in src/queue/; the lock's term on the worker's side is kept as RenewedLock keeps it.
 */
import { LEASE_MARGIN_MS, LOCK_MS, STALLED_CHECK_MS } from '../../src/limits.ts';
import type { TurnEnd, TurnLock } from '../../src/queue/turn-worker.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { SHARD_ID } from './history.ts';
import type { MemoryRedis } from './memory-redis.ts';
import type { World } from './world.ts';

type Job =
  | { readonly kind: 'none' | 'waiting' }
  | { readonly kind: 'delayed'; readonly until: number }
  | { readonly kind: 'active'; readonly token: string; until: number; again: boolean };

/** Rarer than the engine does it: what a frequent renewal keeps away is what is looked for here. */
export const RENEW_MS = 1_500;

export class TurnJobs {
  #job: Job = { kind: 'none' };
  readonly #world: World;
  readonly #redis: MemoryRedis;
  readonly #shardId: string;
  readonly #lockKey: string;
  /** Delays come too short or too long now and then. */
  readonly #skewed: boolean;
  #waiting: (() => void)[] = [];
  #tokens = 0;

  constructor(world: World, redis: MemoryRedis, shardId = SHARD_ID, skewed = true) {
    this.#skewed = skewed;
    [this.#shardId, this.#lockKey] = [shardId, `sim:queue:m:${shardId}:lock`];
    this.#world = world;
    this.#redis = redis;
    this.#checkStalled();
  }

  wake(): void {
    if (this.#job.kind === 'none') this.#job = { kind: 'waiting' };
    else if (this.#job.kind === 'active') this.#job.again = true;
    this.#tell();
  }

  /** A parked turn begins at once. */
  hurry(): void {
    if (this.#job.kind === 'delayed') this.#job = { kind: 'waiting' };
    this.#tell();
  }

  /** Resolves when there may be a turn to take: for a daemon that waits for it instead of asking again and again. */
  maybe(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#job.kind === 'waiting') return resolve();
      this.#waiting.push(resolve);
      if (this.#job.kind === 'delayed') this.#world.in(this.#job.until - this.#world.nowMs, resolve);
    });
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) this.#world.in(0, resolve);
  }

  get idle(): boolean {
    return this.#job.kind === 'none';
  }

  /** One fetch of a worker, on the server. */
  take(): string | null {
    if (this.#job.kind === 'delayed' && this.#job.until <= this.#world.nowMs) this.#job = { kind: 'waiting' };
    if (this.#job.kind !== 'waiting') return null;
    const token = `t${++this.#tokens}`;
    this.#job = { kind: 'active', token, until: this.#world.nowMs + LOCK_MS, again: false };
    this.#redis.run(['SET', this.#lockKey, token]);
    return token;
  }

  /** One turn of `daemon`, whose lock is renewed meanwhile. */
  async run(
    daemon: DaemonProcess,
    token: string,
    takenAt: number,
    turn: (lock: TurnLock) => Promise<TurnEnd>,
  ): Promise<void> {
    const term = { until: takenAt + LOCK_MS, over: false };
    const held = () => daemon.clock.monoMs() < term.until - LEASE_MARGIN_MS;
    this.#world.go(this.#renew(daemon, token, term));
    const proof = { key: this.#lockKey, token };
    const end = await turn({ shardId: this.#shardId, held, renew: () => Promise.resolve(), proof });
    term.over = true;
    const factor = this.#skewed ? this.#world.random.pick([1, 1, 1, 0.7, 1.6]) : 1;
    const call = end.kind === 'finished' ? 'queue moveToFinished' : 'queue moveToDelayed';
    await daemon.ask(call, () => this.#end(token, end, factor)).catch(() => undefined);
  }

  async #renew(daemon: DaemonProcess, token: string, term: { until: number; over: boolean }): Promise<void> {
    for (;;) {
      await daemon.clock.sleep(RENEW_MS);
      if (term.over) return;
      const sentAt = daemon.clock.monoMs();
      const renewed = await daemon.ask('queue extendLock', () => this.#extend(token)).catch(() => null);
      if (renewed === false) {
        term.until = 0;
        return;
      }
      if (renewed) term.until = Math.max(term.until, sentAt + LOCK_MS);
    }
  }

  #extend(token: string): boolean {
    if (this.#job.kind !== 'active' || this.#job.token !== token) return false;
    if (this.#job.until <= this.#world.nowMs) return false;
    this.#job.until = this.#world.nowMs + LOCK_MS;
    return true;
  }

  #end(token: string, end: TurnEnd, factor: number): void {
    if (this.#job.kind !== 'active' || this.#job.token !== token) return;
    this.#redis.run(['DEL', this.#lockKey]);
    const { again } = this.#job;
    if (end.kind === 'finished') this.#job = { kind: again ? 'waiting' : 'none' };
    else this.#job = { kind: 'delayed', until: this.#world.nowMs + (end.kind === 'park' ? end.delayMs * factor : 0) };
    this.#tell();
  }

  #checkStalled(): void {
    if (this.#job.kind === 'active' && this.#job.until <= this.#world.nowMs) {
      this.#redis.run(['DEL', this.#lockKey]);
      this.#job = { kind: 'waiting' };
    }
    this.#world.in(STALLED_CHECK_MS, () => this.#checkStalled());
  }
}
