/** Writes records at a steady rate and records each that Redis acknowledged; what got no answer is not claimed. */
import type { Redis } from 'ioredis';
import { toSequenceNumber } from '../../../src/record.ts';
import type { Recorder } from '../../support/recorder.ts';
import type { Task } from './handler.ts';
import type { Random } from './random.ts';
import type { LabShard } from './shards.ts';

export interface ProducerSpec {
  readonly perSecond: number;
  /** Milliseconds that a record takes, from and to. */
  readonly work: readonly [number, number];
  /** Share of records that fail once or twice, half of them by a partial response. */
  readonly failing: number;
}

const TICK_MS = 50;

export class Producer {
  readonly #redis: Redis;
  readonly #recorder: Recorder;
  readonly #random: Random;
  readonly #shards: readonly LabShard[];
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  accepted = 0;

  constructor(redis: Redis, recorder: Recorder, random: Random, shards: readonly LabShard[]) {
    this.#redis = redis;
    this.#recorder = recorder;
    this.#random = random;
    this.#shards = shards;
  }

  start(spec: ProducerSpec): void {
    this.#running = this.#run(spec);
    // Seen by `stop`; until then it is nobody's.
    this.#running.catch(() => undefined);
  }

  /** Resolves when everything that was acknowledged is recorded. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(spec: ProducerSpec): Promise<void> {
    let owed = 0;
    let last = performance.now();
    while (!this.#stopped) {
      const now = performance.now();
      // After an absence of Redis it goes on at its rate and makes up for nothing.
      owed += (Math.min(now - last, 4 * TICK_MS) / 1000) * spec.perSecond;
      last = now;
      await this.put(Math.floor(owed), spec);
      owed -= Math.floor(owed);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  async put(count: number, spec: ProducerSpec): Promise<void> {
    if (count === 0) return;
    const batch = this.#redis.pipeline();
    const to = Array.from({ length: count }, () => this.#random.pick(this.#shards));
    for (const shard of to) {
      batch.xadd(shard.key, 'NOMKSTREAM', '*', 'partitionKey', 'k', 'data', JSON.stringify(this.#task(spec)));
    }
    const replies = await batch.exec();
    const positions = new Map<string, string[]>();
    for (const [index, [error, id]] of (replies ?? []).entries()) {
      if (error || typeof id !== 'string') continue;
      const { name } = to[index]!;
      positions.set(name, [...(positions.get(name) ?? []), toSequenceNumber(id)]);
      this.accepted++;
    }
    await this.#recorder.record(
      ...[...positions].map(([shard, list]) => ({ kind: 'accepted', shard, positions: list }) as const),
    );
  }

  #task({ work, failing }: ProducerSpec): Task {
    const fails = this.#random.chance(failing) ? this.#random.between(1, 2) : 0;
    return { work: this.#random.between(...work), fails, partial: this.#random.chance(0.5) };
  }
}
