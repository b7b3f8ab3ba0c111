/** Shards whose partitions went with the topic that they belonged to: it was made anew with fewer. */
import type { Log } from '../../src/observe/log.ts';
import type { SpoolClaim, Spools } from '../../src/spool.ts';
import { neverFetched } from './where.ts';

export interface GoneDeps {
  readonly spools: Spools;
  readonly log: Log;
  readonly topic: string;
}

export class GonePartitions {
  readonly #deps: GoneDeps;
  /** Shards that were missing at the last look, and the topic's id then: a broker that is behind may tell less than there is. */
  #missing: ReadonlyMap<string, string> = new Map();
  readonly #closed = new Set<string>();
  readonly #said = new Map<string, string>();

  constructor(deps: GoneDeps) {
    this.#deps = deps;
  }

  /** What the topic of this id has no partitions for, from time to time: closed at the second look, and when everything of it is settled. */
  async look(missing: readonly string[], topicId: string): Promise<void> {
    const before = this.#missing;
    this.#missing = new Map(missing.map((shardId) => [shardId, topicId]));
    for (const shardId of this.#closed) if (!this.#missing.has(shardId)) this.#closed.delete(shardId);
    if (topicId === '') return;
    for (const shardId of missing)
      if (before.get(shardId) === topicId && !this.#closed.has(shardId)) await this.#close(shardId, topicId);
  }

  async #close(shardId: string, topicId: string): Promise<void> {
    const { spools } = this.#deps;
    const claim = await spools.claim(shardId, '');
    if (!claim) return;
    if (claim.view.closed) return void this.#closed.add(shardId);
    // Begun on this very topic: it cannot have gone.
    if (claim.origin === topicId) return;
    await this.#end(shardId, claim);
  }

  async #end(shardId: string, { hold, view }: SpoolClaim): Promise<void> {
    const { spools, log, topic } = this.#deps;
    const loss = neverFetched(view);
    const step = await spools.close(hold, loss);
    const why =
      step.kind === 'refused' ? `its notice cannot be written: ${step.reason}` : 'what is spooled is settled first';
    if (step.kind === 'ok') {
      this.#said.delete(shardId);
      this.#closed.add(shardId);
      log.warn(
        { topic, shard: shardId, lost: loss && [loss.first, loss.last] },
        'Kafka: the partition is gone, its shard is closed',
      );
    } else if (step.kind !== 'fenced' && this.#said.get(shardId) !== why) {
      this.#said.set(shardId, why);
      log.warn({ topic, shard: shardId, reason: why }, 'Kafka: the partition is gone; its shard is closed later');
    }
  }
}
