/** Wakes are gathered, so that many shards that become due together cost one call. */
import type { Log } from '../observe/log.ts';
import type { PolledMapping, PolledShard } from './polled-shard.ts';

export class Wakes {
  readonly #log: Log;
  readonly #waiting = new Map<PolledMapping, Set<string>>();
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  add({ mapping, shard }: PolledShard): void {
    const waiting = this.#waiting.get(mapping);
    if (waiting) return void waiting.add(shard.shardId);
    this.#waiting.set(mapping, new Set([shard.shardId]));
    setImmediate(() => this.#send(mapping));
  }

  #send(mapping: PolledMapping): void {
    const ids = [...(this.#waiting.get(mapping) ?? [])];
    this.#waiting.delete(mapping);
    if (this.#closed) return;
    mapping.queue.wake(ids).catch((error: unknown) => {
      // The sweep finds them again.
      this.#log.warn({ mapping: mapping.name, error: String(error) }, 'wake failed, the sweep will repeat it');
    });
  }

  close(): void {
    this.#closed = true;
  }
}
