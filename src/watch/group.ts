/**
 * One blocking read over up to WATCH_GROUP_SHARDS stream keys on a connection of its own. Every wake registers the keys of its read
 * anew, which is why they are watched in groups (one read over 10,000 keys cost Redis 28 % of a core at 20 records/s).
 */
import { messageOf } from '../errors.ts';
import { isWrongType, type Redis } from '../redis/connect.ts';
import { WATCH_BLOCK_MS, WATCH_RETRY_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import { compareIds, type EntryId } from '../record.ts';
import type { Clock } from '../time.ts';

export interface Watch {
  /** Who is told; several mappings may watch one key. */
  readonly id: string;
  readonly key: string;
  readonly after: EntryId;
}

export interface WatchGroupDeps {
  /** A connection for this group alone. */
  readonly connection: Redis;
  /** For CLIENT UNBLOCK. */
  readonly control: Redis;
  readonly clock: Clock;
  readonly log: Log;
  /** A record after the watch's position is there; the watch has ended. */
  readonly onRecord: (watch: Watch, first: EntryId) => void;
}

export class WatchGroup {
  readonly #deps: WatchGroupDeps;
  readonly #watches = new Map<string, Watch>();
  #dirty = false;
  #closed = false;
  #blocked = false;
  #unblocking = false;
  #changed: (() => void) | null = null;
  #clientId: number | null = null;

  constructor(deps: WatchGroupDeps) {
    this.#deps = deps;
    // A reconnect gives the connection another id.
    deps.connection.on('close', () => (this.#clientId = null));
    void this.#run();
  }

  get size(): number {
    return this.#watches.size;
  }

  add(watch: Watch): void {
    this.#watches.set(watch.id, watch);
    this.#poke();
  }

  /** The running read may still answer for it; the answer is then ignored. */
  remove(id: string): void {
    this.#watches.delete(id);
  }

  /**
   * Nobody is told of anything from here on. The running read is not waited for: where the connection waits to be made again, ioredis neither
   * makes nor ends it, and the read never answers.
   */
  close(): void {
    this.#closed = true;
    this.#changed?.();
    this.#deps.connection.disconnect();
  }

  /** Ends the running read so that the next one includes what changed. */
  #poke(): void {
    this.#dirty = true;
    this.#changed?.();
    if (this.#blocked && !this.#unblocking) void this.#unblock();
  }

  /** One at a time: many watches that begin together need one. */
  async #unblock(): Promise<void> {
    this.#unblocking = true;
    try {
      // Until the next read has begun: one that has not reached the server yet, or has just ended, is not unblocked.
      while (this.#blocked && this.#dirty && !this.#closed) {
        if (this.#clientId !== null) await this.#deps.control.client('UNBLOCK', this.#clientId);
        await this.#deps.clock.sleep(1);
      }
    } catch {
      // The read ends by itself within WATCH_BLOCK_MS.
    } finally {
      this.#unblocking = false;
    }
  }

  async #run(): Promise<void> {
    while (!this.#closed) await this.#once();
  }

  async #once(): Promise<void> {
    if (this.#watches.size === 0) await new Promise<void>((resolve) => (this.#changed = resolve));
    this.#changed = null;
    if (this.#closed) return;
    try {
      await this.#read().catch(async (error: unknown) => {
        if (isWrongType(error)) await this.#dropWrongTypes();
        throw error;
      });
    } catch (error) {
      if (this.#closed) return;
      this.#deps.log.warn({ error: messageOf(error) }, 'watching interrupted');
      await this.#deps.clock.sleep(WATCH_RETRY_MS);
    }
  }

  async #read(): Promise<void> {
    const { connection } = this.#deps;
    this.#clientId ??= await connection.client('ID');
    const byKey = new Map<string, EntryId>();
    for (const { key, after } of this.#watches.values()) {
      const seen = byKey.get(key);
      if (seen === undefined || compareIds(after, seen) < 0) byKey.set(key, after);
    }
    if (byKey.size === 0) return;
    this.#dirty = false;
    this.#blocked = true;
    try {
      const args = [...byKey.keys(), ...byKey.values()];
      const reply = await connection.xread('COUNT', 1, 'BLOCK', WATCH_BLOCK_MS, 'STREAMS', ...args);
      this.#blocked = false;
      if (this.#closed) return;
      for (const [key, entries] of reply ?? []) this.#found(key, entries[0]![0]);
    } finally {
      this.#blocked = false;
    }
  }

  /** One key that is no stream must not blind the others; the sweep sees it when it becomes one. */
  async #dropWrongTypes(): Promise<void> {
    for (const watch of [...this.#watches.values()]) {
      const type = await this.#deps.control.type(watch.key);
      if (type !== 'stream' && type !== 'none') this.#watches.delete(watch.id);
    }
  }

  #found(key: string, first: EntryId): void {
    for (const watch of [...this.#watches.values()]) {
      if (watch.key !== key || compareIds(watch.after, first) >= 0) continue;
      this.#watches.delete(watch.id);
      this.#deps.onRecord(watch, first);
    }
  }
}
