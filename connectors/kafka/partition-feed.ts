/** One partition while this poller has it: what was fetched is queued here and appended to the spool, in order. */
import { messageOf } from '../../src/errors.ts';
import { KAFKA_QUEUED_BYTES, KAFKA_ROOM_MS } from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import type { SpoolClaim, SpoolHold, Spools } from '../../src/spool.ts';
import type { Clock } from '../../src/time.ts';
import type { Committed, FetchedBatch } from './client.ts';
import { toAppends } from './records.ts';

export interface PartitionFeedDeps {
  readonly spools: Spools;
  readonly clock: Clock;
  readonly log: Log;
  readonly pause: () => void;
  readonly resume: () => void;
  /** What is fetched does not fit to what the spool knows: where to begin has to be found anew. Called once. */
  readonly lost: (why: string) => void;
}

export class PartitionFeed {
  readonly partition: number;
  readonly hold: SpoolHold;
  /** The offset that the next fetched batch was asked for. */
  expected: number;
  /** As the group knows it; null: not known. */
  committed: Committed | null = null;
  readonly #deps: PartitionFeedDeps;
  readonly #redisMs: number;
  readonly #queue: { readonly batch: FetchedBatch; readonly after: number }[] = [];
  #queuedBytes = 0;
  #pumping = false;
  #paused = false;
  #closed = false;

  constructor(partition: number, claim: SpoolClaim, deps: PartitionFeedDeps) {
    this.partition = partition;
    this.hold = claim.hold;
    this.expected = claim.view.next;
    this.#redisMs = claim.redisMs;
    this.#deps = deps;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Comes back at once; the partition pauses while more is queued than the bound. */
  take(batch: FetchedBatch): void {
    if (this.#closed) return;
    if (batch.from !== null && batch.from !== this.expected)
      return this.give(`fetched from ${batch.from}, not ${this.expected}`);
    this.#queue.push({ batch, after: this.expected });
    this.expected = batch.next;
    this.#queuedBytes += batch.bytes;
    if (!this.#paused && this.#queuedBytes > KAFKA_QUEUED_BYTES) this.#pause(true);
    if (!this.#pumping) void this.#pump();
  }

  /** Ends it; what is queued is fetched again by whoever comes next. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  give(why: string): void {
    if (this.#closed) return;
    this.close();
    this.#deps.lost(why);
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#deps.pause();
    else this.#deps.resume();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      for (let head = this.#queue[0]; head && !this.#closed; head = this.#queue[0]) {
        const nowMs = this.#deps.clock.monoMs() + this.#redisMs;
        for (const part of toAppends(head.batch, head.after, nowMs)) {
          if (!(await this.#append(part))) return;
        }
        this.#queue.shift();
        this.#queuedBytes -= head.batch.bytes;
        if (this.#paused && !this.#closed && this.#queuedBytes <= KAFKA_QUEUED_BYTES / 2) this.#pause(false);
      }
    } catch (error) {
      this.give(`append failed: ${messageOf(error)}`);
    } finally {
      this.#pumping = false;
    }
  }

  /** False when the feed ended over it. Waits while the spool is full: the queue bounds what is fetched meanwhile. */
  async #append(part: Parameters<Spools['append']>[1]): Promise<boolean> {
    const { spools, clock } = this.#deps;
    while (!this.#closed) {
      const appended = await spools.append(this.hold, part);
      if (appended.kind === 'ok' || appended.kind === 'skipped') return !this.#closed;
      if (appended.kind !== 'full') {
        this.give(appended.kind === 'ahead' ? `the spool stands at ${appended.next}` : appended.kind);
        return false;
      }
      await clock.sleep(KAFKA_ROOM_MS);
    }
    return false;
  }
}
