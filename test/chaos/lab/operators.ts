/** An operator at work: what `millrace mapping` does, some of it as commands that are killed, and what the checker has to know of it. */
import path from 'node:path';
import { loadFunctions } from '../../../src/daemon/open-daemon.ts';
import { pauseMapping, resumeMapping } from '../../../src/daemon/pausing.ts';
import { planRewind, rewind } from '../../../src/daemon/rewinding.ts';
import { planSkip, skip } from '../../../src/daemon/skipping.ts';
import { MillraceError } from '../../../src/errors.ts';
import { requireConfig } from '../../../src/mapping/require-config.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { previousId, toSequenceNumber } from '../../../src/record.ts';
import { createReader } from '../../../src/redis/reader.ts';
import { systemClock } from '../../../src/time.ts';
import { TEST_CACHE } from '../../support/daemon.ts';
import { MILLRACE, start } from '../../support/run.ts';
import { type Lab, pause } from './lab.ts';
import { type LabShard, MAPPING } from './source.ts';

export type Verb = 'pause' | 'rewind' | 'skip';

/** Settled records from which a rewind picks where to go back to. */
const REACH = 30;

export class Operator {
  readonly #lab: Lab;
  /** How often each was done. */
  readonly done = { pause: 0, rewind: 0, skip: 0 };
  /** Commands that were killed at work. */
  killed = 0;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  get #deps() {
    const { redis, keys } = this.#lab;
    return { redis, keys, log: silentLog, clock: systemClock };
  }

  get #config() {
    return requireConfig(path.join(this.#lab.dir, 'millrace.yaml'), {});
  }

  async act(verb: Verb, shard: LabShard): Promise<void> {
    if (verb === 'rewind') return await this.#rewind(shard);
    // What is in flight may be cut short by it, and then runs again.
    const id = await this.#lab.beginFault(`mapping ${verb}`);
    if (verb === 'pause') await this.#pause(shard);
    else if (this.#lab.random.chance(0.3)) await this.#skipKilled(shard);
    else await this.#skip(shard);
    await this.#lab.healFault(id, `mapping ${verb}`, [shard.name]);
  }

  async #pause({ shardId }: LabShard): Promise<void> {
    this.done.pause += await pauseMapping(this.#deps, MAPPING, shardId);
    await pause(this.#lab.random.between(200, 1_500));
    await resumeMapping(this.#deps, MAPPING, shardId);
  }

  async #skip({ shardId }: LabShard): Promise<void> {
    const config = this.#config;
    const mapping = config.mappings.get(MAPPING)!;
    const version = (await loadFunctions(config, TEST_CACHE)).get(mapping.function)!;
    const reader = createReader(config.redis, { log: silentLog });
    const deps = { ...this.#deps, reader };
    try {
      const act = { mapping, version, shardId, what: { records: this.#lab.random.between(1, 12) } };
      await skip(deps, act, await planSkip(deps, act));
      this.done.skip++;
    } catch (error) {
      // Everything was settled before it.
      if (!(error instanceof MillraceError && error.code === 'nothing-to-skip')) throw error;
    } finally {
      await reader.close();
    }
  }

  async #skipKilled({ shardId }: LabShard): Promise<void> {
    const { dir, random } = this.#lab;
    const config = path.join(dir, 'millrace.yaml');
    const args = ['mapping', 'skip', MAPPING, '--shard', shardId, '-c', config, '--records', '50', '--yes'];
    const command = start(MILLRACE, args, { env: { MILLRACE_CACHE: TEST_CACHE } });
    await Promise.race([command.ended, pause(random.between(400, 2_000))]);
    command.kill('SIGKILL');
    if ((await command.ended).code === null) this.killed++;
  }

  async #rewind(shard: LabShard): Promise<void> {
    const { redis, recorder, keys, random } = this.#lab;
    const state = keys.shard(MAPPING, shard.shardId);
    const checkpoint = await redis.hget(state, 'cp');
    const settled = checkpoint === null ? [] : await redis.xrevrange(shard.key, checkpoint, '-', 'COUNT', REACH);
    if (settled.length === 0) return;
    const first = random.pick(settled)[0];
    const to = { kind: 'BEHIND', checkpoint: previousId(first) } as const;
    const act = { mapping: this.#config.mappings.get(MAPPING)!, to, text: first, shardId: shard.shardId };
    await rewind(this.#deps, act, await planRewind(this.#deps, act));
    const atMs = Number(await redis.hget(state, 'rwAt'));
    await recorder.record({ kind: 'rewind', shard: shard.name, first: toSequenceNumber(first), atMs });
    this.done.rewind++;
  }
}
