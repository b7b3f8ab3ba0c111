/** Writes records at a steady rate and records each that the source acknowledged; what got no answer is not claimed. */
import type { Recorder } from '../../support/recorder.ts';
import type { Task } from './handler.ts';
import type { Random } from './random.ts';
import type { LabShard, LabSource } from './source.ts';

export interface ProducerSpec {
  readonly perSecond: number;
  /** Milliseconds that a record takes, from and to. */
  readonly work: readonly [number, number];
  /** Share of records that fail once or twice, half of them by a partial response. */
  readonly failing: number;
  /** Share of records that always fail; absent: none. */
  readonly poisoned?: number;
  /** So many partition keys; absent: one. */
  readonly keys?: number;
  /** Which get some; absent: all. */
  readonly shards?: readonly LabShard[];
}

const TICK_MS = 50;

export class Producer {
  readonly #source: LabSource;
  readonly #recorder: Recorder;
  readonly #random: Random;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  accepted = 0;

  constructor(source: LabSource, recorder: Recorder, random: Random) {
    this.#source = source;
    this.#recorder = recorder;
    this.#random = random;
  }

  start(spec: ProducerSpec): void {
    this.#stopped = false;
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
      // After an absence of the source it goes on at its rate and makes up for nothing.
      owed += (Math.min(now - last, 4 * TICK_MS) / 1000) * spec.perSecond;
      last = now;
      await this.put(Math.floor(owed), spec);
      owed -= Math.floor(owed);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  async put(count: number, spec: ProducerSpec, shards = spec.shards ?? this.#source.shards): Promise<void> {
    if (count === 0) return;
    const records = Array.from({ length: count }, () => {
      const shard = this.#random.pick(shards);
      const key = spec.keys === undefined ? {} : { key: `k${this.#random.between(1, spec.keys)}` };
      return { shard, data: JSON.stringify(this.#task(spec)), ...key };
    });
    const positions = new Map<string, string[]>();
    for (const [index, position] of (await this.#source.write(records)).entries()) {
      if (position === null) continue;
      const { name } = records[index]!.shard;
      positions.set(name, [...(positions.get(name) ?? []), position]);
      this.accepted++;
    }
    await this.#recorder.record(
      ...[...positions].map(([shard, list]) => ({ kind: 'accepted', shard, positions: list }) as const),
    );
  }

  #task({ work, failing, poisoned }: ProducerSpec): Task {
    const some = this.#random.chance(failing) ? this.#random.between(1, 2) : 0;
    const fails = poisoned !== undefined && this.#random.chance(poisoned) ? Number.MAX_SAFE_INTEGER : some;
    return { work: this.#random.between(...work), fails, partial: this.#random.chance(0.5) };
  }
}
