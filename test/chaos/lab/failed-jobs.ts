/**
 * Jobs that BullMQ gave up for good while a test ran. The engine has them removed at once, so its `failed` set says nothing; its events do, of
 * which it keeps about a hundred: enough for who looks many times a second.
 */
import type { Redis } from 'ioredis';

export class FailedJobs {
  readonly #redis: Redis;
  readonly #queue: string;
  #seen = '0-0';
  #count = 0;

  /** `queue`: prefix of its keys. */
  constructor(redis: Redis, queue: string) {
    this.#redis = redis;
    this.#queue = queue;
  }

  async look(): Promise<void> {
    const events = await this.#redis.xrange(`${this.#queue}:events`, `(${this.#seen}`, '+');
    this.#seen = events.at(-1)?.[0] ?? this.#seen;
    for (const [, fields] of events) if (fields[fields.indexOf('event') + 1] === 'failed') this.#count++;
  }

  /** Those, and whatever sits in the set all the same. */
  async count(): Promise<number> {
    await this.look();
    return this.#count + (await this.#redis.zcard(`${this.#queue}:failed`));
  }
}
