/** Taking turns: the executors' side of the queue. Ends a turn in one of three ways and renews its lock meanwhile. */
import { DelayedError, type Job, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import {
  LEASE_MARGIN_MS,
  LOCK_MS,
  LOCK_RENEW_MS,
  SERVER_REFUSES_PAUSE_MS,
  STALLED_CHECK_MS,
  STALLED_COUNT_MAX,
} from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time.ts';
import { BlockingConnection } from './blocking-connection.ts';
import { allowWhenFull } from './full-memory.ts';
import type { TurnData } from './options.ts';
import { Fetches, timedByServer } from './server-clock.ts';

export type TurnEnd =
  /** Nothing is left to do now: the poller watches the shard again. */
  | { readonly kind: 'finished' }
  /** Work is left, and other shards may go first. */
  | { readonly kind: 'yield' }
  /** Work is left for later; the slot is free meanwhile. */
  | { readonly kind: 'park'; readonly delayMs: number };

/** The right to act as far as the queue knows it. The epoch decides who may settle; this only says early when it is surely over. */
export interface TurnLock {
  readonly shardId: string;
  /** False once the lock may have ended; local, synchronous, on a clock that keeps counting while the process is stopped. */
  held(): boolean;
  /** Asks for a new term at once: a process that stood still is asked to act before its next renewal. */
  renew(): Promise<void>;
  /** Where Redis keeps the lock, and what stands there while it is ours. */
  readonly proof: { readonly key: string; readonly token: string };
}

export interface TurnWorker {
  /** Stops or starts taking; what is running goes on. */
  pause(): Promise<void>;
  resume(): void;
  /** Takes nothing new and waits for what is running. */
  close(): Promise<void>;
}

export interface TurnWorkerOptions {
  readonly connection: Redis;
  readonly prefix: string;
  readonly mapping: string;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onTurn: (lock: TurnLock) => Promise<TurnEnd>;
}

/** Full memory, a read-only replica, a full disk, a server that is still loading: it passes, and asking faster does not help. */
const SERVER_REFUSES = /^(OOM|READONLY|MISCONF|LOADING|MASTERDOWN|NOREPLICAS)|OOM command not allowed/;

class RenewedLock implements TurnLock {
  readonly shardId: string;
  readonly proof: TurnLock['proof'];
  readonly #job: Job<TurnData>;
  readonly #token: string;
  readonly #clock: Clock;
  #until: number;
  /** Redis has said so; it is never ours again. */
  #lost = false;
  #timer: NodeJS.Timeout | undefined;

  /** `askedAt`: local monotonic ms, before which the lock cannot have begun. */
  constructor(job: Job<TurnData>, token: string, clock: Clock, askedAt: number) {
    this.shardId = job.data.shardId;
    this.proof = { key: `${job.queueQualifiedName}:${job.id}:lock`, token };
    this.#job = job;
    this.#token = token;
    this.#clock = clock;
    this.#until = askedAt + LOCK_MS;
    this.#schedule(clock.monoMs() - askedAt);
  }

  held(): boolean {
    return this.#clock.monoMs() < this.#until - LEASE_MARGIN_MS;
  }

  /** `ago`: since the last renewal was sent. From there and not from its answer: where that takes 2 s, the next one would come too late. */
  #schedule(ago: number): void {
    this.#timer = setTimeout(() => void this.#keep(), Math.max(0, LOCK_RENEW_MS - ago));
  }

  async #keep(): Promise<void> {
    const sentAt = this.#clock.monoMs();
    await this.renew();
    if (this.#timer && !this.#lost) this.#schedule(this.#clock.monoMs() - sentAt);
  }

  async renew(): Promise<void> {
    if (this.#lost) return;
    const sentAt = this.#clock.monoMs();
    try {
      const renewed = await this.#job.extendLock(this.#token, LOCK_MS);
      this.#lost ||= !renewed;
      // Counted from the sending: the server cannot have started the new term earlier.
      this.#until = this.#lost ? 0 : Math.max(this.#until, sentAt + LOCK_MS);
    } catch {
      // Redis is away: the term that we know of simply runs out; try again while somebody waits for this turn.
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

export function openTurnWorker(options: TurnWorkerOptions): TurnWorker {
  const { log, clock, mapping } = options;
  const fetches = new Fetches(() => clock.monoMs());
  async function process(job: Job<TurnData>, token?: string): Promise<void> {
    const lock = new RenewedLock(job, token!, clock, fetches.takeAskedAt(token!));
    try {
      const end = await options.onTurn(lock);
      if (end.kind === 'finished') return;
      // moveToWait would put the shard ahead of all others (one waited 5.1 s for its turn, 0.1 s this way).
      // A moment of this clock for a delay: Redis adds what is between them to its own (server-clock.ts).
      await job.moveToDelayed(clock.wallMs() + (end.kind === 'park' ? end.delayMs : 0), token);
    } finally {
      lock.stop();
    }
    throw new DelayedError();
  }
  const connection = timedByServer(allowWhenFull(options.connection));
  const blocking = new BlockingConnection(connection);
  const workerOptions: WorkerOptions = {
    connection,
    prefix: options.prefix,
    concurrency: options.concurrency,
    lockDuration: LOCK_MS,
    // Renewed by RenewedLock, which also knows until when the lock is surely ours.
    skipLockRenewal: true,
    lockRenewTime: LOCK_RENEW_MS,
    stalledInterval: STALLED_CHECK_MS,
    // The default of 1 moves a job to `failed` on its second crash: the shard would stop for good, silently.
    maxStalledCount: STALLED_COUNT_MAX,
    // How long an idle worker blocks before it looks again, and how soon one tries again after an error (default: 15 s).
    drainDelay: 5,
    runRetryDelay: 250,
    // Without the check BullMQ takes the server for an old one and rounds waits up to whole seconds: a retry after 0.2 s came after 1.0 s.
    skipVersionCheck: false,
    autorun: true,
  };
  const worker = new Worker<TurnData>(mapping, process, workerOptions, fetches.backend);
  blocking.isMade();
  let wanted = true;
  let resting: NodeJS.Timeout | undefined;
  worker.on('error', (error) => {
    // A lost lock is the normal end of a turn that was taken over; the epoch has fenced it already.
    const level = /lock|not in the active state/i.test(error.message) ? 'debug' : 'warn';
    log[level]({ mapping, error: error.message }, 'turn worker error');
    if (!SERVER_REFUSES.test(error.message) || resting) return;
    // BullMQ would ask again at once, thousands of times a second, for as long as the server refuses.
    void worker.pause(true);
    resting = setTimeout(() => {
      resting = undefined;
      if (wanted) void worker.resume();
    }, SERVER_REFUSES_PAUSE_MS);
  });
  return {
    async pause() {
      wanted = false;
      await worker.pause(true);
    },
    resume() {
      wanted = true;
      if (!resting) void worker.resume();
    },
    async close() {
      wanted = false;
      clearTimeout(resting);
      await worker.pause(true);
      await blocking.connected();
      await worker.close();
    },
  };
}
