/** What operators do to a shard, as steps of a history (shard-scripts.test.ts). */
import { expect } from 'vitest';
import { compareIds, type EntryId, previousId } from '../../src/record.ts';
import { pauseShards, resumeShards } from '../../src/shard/pauses.ts';
import { rewindShards } from '../../src/shard/rewind.ts';
import { keys, type Model, type Real, SHARD, Step } from './shard-model.ts';

/** `millrace mapping pause` and `resume`. */
export class Pause extends Step {
  readonly verb: 'pause' | 'resume';
  constructor(verb: 'pause' | 'resume') {
    super();
    this.verb = verb;
  }
  override async act(m: Model, real: Real): Promise<void> {
    const step = { mapping: real.mapping, shardIds: [SHARD], whole: false, act: null };
    const changes = this.verb === 'pause' ? !m.paused && !m.done : m.paused;
    const run = this.verb === 'pause' ? pauseShards : resumeShards;
    expect(await run(real.client, keys, step)).toEqual(changes ? [SHARD] : []);
    if (!changes) return;
    m.changed = true;
    m.paused = this.verb === 'pause';
    if (!m.paused) m.pauses++;
  }
  override toString = () => this.verb;
}

/** `millrace mapping rewind`; with what was found when it was planned, or with what is no longer so. */
export class Rewind extends Step {
  readonly back: number;
  readonly stale: 'no' | 'generation' | 'trimmed';
  constructor(back: number, stale: Rewind['stale']) {
    super();
    this.back = back;
    this.stale = stale;
  }
  #settled(m: Readonly<Model>): EntryId[] {
    return (m.stream?.ids ?? []).filter((id) => compareIds(id, m.checkpoint) <= 0);
  }
  override check(m: Readonly<Model>): boolean {
    return this.#settled(m).length > 0;
  }
  override async act(m: Model, real: Real): Promise<void> {
    const settled = this.#settled(m);
    const again = settled.slice(-1 - (this.back % settled.length));
    const checkpoint = previousId(again[0]!);
    const generation = m.generation - (this.stale === 'generation' ? 1 : 0);
    const facts = { shardId: SHARD, key: real.stream, kind: 'stream' as const, generation, entriesRead: m.read };
    const first = this.stale === 'trimmed' ? previousId(checkpoint) : again[0]!;
    const shards = [{ ...facts, checkpoint, records: again.length, above: 0, first }];
    const done = await rewindShards(real.client, keys, real.mapping, shards, null);
    if (this.stale !== 'no') return void expect(done).toEqual({ kind: 'moved' });
    expect(done).toEqual({ kind: 'ok', records: again.length });
    const epoch = (await real.client.hget(keys.shard(real.mapping, SHARD), 'epoch'))!;
    expect(BigInt(epoch) > BigInt(m.epoch)).toBe(true);
    Object.assign(m, { epoch, checkpoint, owner: '', holder: null, done: false });
    m.generation++;
    m.redelivered += again.length;
    m.read = Math.max(0, m.read - again.length);
    if (m.marker !== null) m.marker = checkpoint;
  }
  override toString = () => `rewind(${this.back}, ${this.stale})`;
}
