/**
 * The connection on which a worker of BullMQ waits for jobs, a duplicate of the one that it is given. Closing a worker disconnects it and
 * waits for its end; told so while it is to connect again, ioredis neither connects nor ends, and what was blocked never returns: a daemon
 * that got SIGTERM while Redis was away for a moment stayed until its grace was over.
 *
 * The worker makes another duplicate, for commands, which keeps the limit for an answer. Only the one that waits is given a name, and it may be
 * silent for as long as a read of it lasts.
 */
import type { Redis } from 'ioredis';
import { QUEUE_SILENCE_MS } from '../limits.ts';

export class BlockingConnection {
  readonly #original: Redis;
  readonly #duplicate: Redis['duplicate'];
  readonly #made: Redis[] = [];

  /** From here on, until `isMade`, what is made of `original` belongs to the worker. */
  constructor(original: Redis) {
    this.#original = original;
    this.#duplicate = original.duplicate;
    original.duplicate = (override) => {
      const waits = override?.connectionName !== undefined;
      const made = this.#duplicate.call(original, waits ? { ...override, socketTimeout: QUEUE_SILENCE_MS } : override);
      this.#made.push(made);
      return made;
    };
  }

  isMade(): void {
    this.#original.duplicate = this.#duplicate;
  }

  /** Resolves when it may be disconnected. While Redis is away it does not; the daemon's grace ends that. */
  async connected(): Promise<void> {
    await Promise.all(this.#made.map(readyOrEnded));
  }
}

function readyOrEnded(redis: Redis): Promise<void> {
  if (redis.status === 'ready' || redis.status === 'end') return Promise.resolve();
  return new Promise((resolve) => {
    redis.once('ready', resolve).once('end', resolve);
  });
}
