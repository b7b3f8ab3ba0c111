/**
 * Sends batches so that each is taken once and in order, whatever happens to the connection.
 *
 * A session numbers its batches, and the script (lua/put-N.lua) takes a batch only if it is the next one; the number is stored in the same
 * atomic step as the records. So a batch whose reply was lost is sent again and answered "done" if it was there already (ioredis re-sends
 * by itself: 86 duplicates in 38,900 plain XADDs), and when one is refused, those behind it are refused as well: nothing overtakes. What is
 * accepted is therefore always a prefix of what was submitted.
 *
 * A batch is all or nothing, also across shards: it names the topology's revision, and after a split or merge it is refused as a whole,
 * routed anew and sent again. A record in a parent is older than the same key's records in the children, which are read after it.
 */
import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../src/errors.ts';
import { PUT_IN_FLIGHT, PUT_SESSION_MS, REDIS_RECONNECT_FIRST_MS, REDIS_RECONNECT_MAX_MS } from '../../src/limits.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { systemClock } from '../../src/time.ts';
import { encodeBatch, type PutBatch } from './put-batch.ts';
import { isPassing, refusal, silence, type PutReply } from './put-errors.ts';
import { loadRouter, type Router } from './router.ts';
import { putScript } from './scripts.ts';
import { requireTopology } from './topology.ts';

export interface PutSessionOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly stream: string;
  /** Without progress for this long the session fails. */
  readonly timeoutMs: number;
  /** Called whenever batches were accepted. */
  readonly onProgress: () => void;
}

interface Pending {
  readonly batch: PutBatch;
  state: 'waiting' | 'sent' | 'done' | 'refused';
  reply?: PutReply | Error;
}

export class PutSession {
  /** Records accepted so far. */
  accepted = 0;
  /** Why nothing more is sent; the session is over. */
  failure: Error | undefined;
  readonly #options: PutSessionOptions;
  #router: Router;
  #id = randomUUID();
  /** Batches and records accepted under #id. */
  #batches = 0;
  #records = 0;
  /** Not accepted yet, in order. */
  readonly #pending: Pending[] = [];
  #stopped = false;
  #recovering = false;
  #progressAt = performance.now();
  #watchdog: NodeJS.Timeout | undefined;
  #waiters: { ready: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(options: PutSessionOptions, router: Router) {
    this.#options = options;
    this.#router = router;
  }

  static async open(options: PutSessionOptions): Promise<PutSession> {
    return new PutSession(options, await loadRouter(options.redis, options.keys, options.stream));
  }

  get isPlain(): boolean {
    return this.#router.revision === '';
  }

  /** Submitted and neither accepted nor given up. */
  get pendingBatches(): number {
    return this.#pending.length;
  }

  /** Records that were sent and not answered: accepted or not, batch by batch. */
  get unknown(): number {
    return this.#onTheWay().reduce((sum, { batch }) => sum + batch.data.length, 0);
  }

  submit(batch: PutBatch): void {
    if (this.failure) throw this.failure;
    if (this.#pending.length === 0) {
      const idleMs = performance.now() - this.#progressAt;
      if (idleMs > PUT_SESSION_MS / 2) this.#renew();
      this.#progressAt = performance.now();
    }
    this.#pending.push({ batch, state: 'waiting' });
    this.#pump();
  }

  /** Resolves once at most `count` batches are pending; rejects when the session fails. */
  waitFor(count: number): Promise<void> {
    const ready = () => this.#pending.length <= count;
    if (this.failure) return Promise.reject(this.failure);
    if (ready()) return Promise.resolve();
    return new Promise((resolve, reject) => void this.#waiters.push({ ready, resolve, reject }));
  }

  /** Sends nothing more; resolves when what is on the way was answered, or after a while without an answer. */
  async stop(waitMs: number): Promise<void> {
    this.#stopped = true;
    const until = performance.now() + waitMs;
    while (!this.failure && this.unknown > 0 && performance.now() < until) await systemClock.sleep(5);
    this.#end();
  }

  /** Forgets the session. Only when nothing is pending: a batch that is sent again later must be known. */
  async close(): Promise<void> {
    this.#end();
    if (this.#batches > 0) await this.#options.redis.unlink(this.#options.keys.producer(this.#id));
  }

  #onTheWay(): Pending[] {
    return this.#pending.slice(0, PUT_IN_FLIGHT).filter(({ state }) => state === 'sent');
  }

  #renew(): void {
    this.#id = randomUUID();
    this.#batches = 0;
    this.#records = 0;
  }

  #pump(): void {
    if (this.#recovering || this.#stopped || this.failure) return;
    let records = this.#records;
    for (let i = 0; i < PUT_IN_FLIGHT && i < this.#pending.length; i++) {
      const pending = this.#pending[i]!;
      records += pending.batch.data.length;
      if (pending.state === 'waiting') this.#send(pending, this.#batches + i + 1, records);
    }
    this.#watch();
  }

  #send(pending: Pending, number: number, records: number): void {
    const { redis, keys, stream } = this.#options;
    const batch = encodeBatch(pending.batch, this.#router);
    pending.state = 'sent';
    putScript
      .run(
        redis,
        [keys.producer(this.#id), keys.stream(stream), ...batch.keys],
        [...[number, records, PUT_SESSION_MS, this.#router.revision], ...batch.args],
      )
      .then(
        (reply) => this.#answered(pending, reply as PutReply),
        (error: unknown) => this.#answered(pending, error instanceof Error ? error : new Error(String(error))),
      );
  }

  #answered(pending: Pending, reply: PutReply | Error): void {
    if (this.failure) return;
    if (!(reply instanceof Error) && reply[0] === 'done') {
      pending.state = 'done';
      this.#advance();
    } else {
      pending.state = 'refused';
      pending.reply = reply;
      this.#recovering = true;
    }
    if (!this.#recovering) return this.#pump();
    // What was sent behind a refused batch is refused too; only when all of it is answered may anything be sent again.
    if (this.#onTheWay().length > 0) return this.#watch();
    void this.#recover().catch((error: unknown) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #advance(): void {
    while (this.#pending[0]?.state === 'done') {
      const { batch } = this.#pending.shift()!;
      this.#batches++;
      this.#records += batch.data.length;
      this.accepted += batch.data.length;
      this.#progressAt = performance.now();
    }
    this.#waiters = this.#waiters.filter(({ ready, resolve }) => {
      if (!ready()) return true;
      resolve();
      return false;
    });
    this.#options.onProgress();
  }

  async #recover(): Promise<void> {
    const { redis, keys, stream, timeoutMs } = this.#options;
    const refused = this.#pending[0]!.reply;
    if (refused instanceof Error) {
      const stuckMs = performance.now() - this.#progressAt;
      if (!isPassing(refused) || stuckMs > timeoutMs) throw refusal(stream, refused);
      await systemClock.sleep(Math.min(Math.max(REDIS_RECONNECT_FIRST_MS, stuckMs), REDIS_RECONNECT_MAX_MS));
    } else if (refused?.[0] === 'stale') {
      if (performance.now() - this.#progressAt > timeoutMs) throw refusal(stream, refused);
      const router = await loadRouter(redis, keys, stream);
      // Deleted meanwhile: going on would make a plain stream in its place.
      if (router.revision === '' && !this.isPlain) await requireTopology(redis, keys, stream);
      this.#router = router;
    } else if (refused?.[0] === 'behind' && Number(refused[1]) < this.#batches) {
      throw this.#lost(Number(refused[2]));
    } else if (refused?.[0] === 'failed') {
      // Some of the batch's records are in the stream, shard by shard, so no prefix of it: report it as unknown.
      this.#pending[0]!.state = 'sent';
      throw refusal(stream, refused);
    } else if (refused?.[0] !== 'behind') {
      throw refusal(stream, refused!);
    }
    if (this.#stopped || this.failure) return;
    for (const pending of this.#pending) {
      pending.state = 'waiting';
      delete pending.reply;
    }
    this.#recovering = false;
    this.#pump();
  }

  #lost(kept: number): MillraceError {
    const missing = this.#records - kept;
    return new MillraceError(
      'put-interrupted',
      `the Redis server lost ${missing} records that it had accepted from this producer`,
      {
        hint: 'it was restarted or failed over without its latest writes; set appendfsync always (or WAIT for replicas) where that must not happen',
      },
    );
  }

  /** Fails the session when something is on the way and nothing was answered for too long. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    if (this.unknown === 0) return;
    this.#watchdog = setTimeout(() => this.#fail(silence(this.#options)), this.#options.timeoutMs);
  }

  #fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.#end();
    for (const { reject } of this.#waiters) reject(error);
    this.#waiters = [];
    this.#options.onProgress();
  }

  #end(): void {
    this.#stopped = true;
    clearTimeout(this.#watchdog);
  }
}
