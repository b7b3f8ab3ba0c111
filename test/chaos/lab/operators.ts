/** An operator at work: what `millrace mapping` does, some of it as commands that are killed, and what the checker has to know of it. */
import { loadFunctions } from '../../../src/daemon/functions.ts';
import { pauseMapping, resumeMapping } from '../../../src/daemon/pausing.ts';
import { planRewind, rewind } from '../../../src/daemon/rewinding.ts';
import { planSkip, skip } from '../../../src/daemon/skipping.ts';
import { MillraceError } from '../../../src/errors.ts';
import { requireConfig } from '../../../src/mapping/require-config.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { previousId } from '../../../src/record.ts';
import { createReader } from '../../../src/redis/reader.ts';
import type { FunctionVersion } from '../../../src/sandbox/types.ts';
import { systemClock } from '../../../src/time.ts';
import { TEST_CACHE } from '../../support/daemon.ts';
import { MILLRACE, run, start } from '../../support/run.ts';
import { type Lab, pause } from './lab.ts';
import { type LabShard, MAPPING, type NearRecord } from './source.ts';

export type Verb = 'pause' | 'rewind' | 'skip';

/** Settled records from which a rewind picks where to go back to. */
const REACH = 30;
const SKIPPED_MAX = 24;
const SKIPPED = { perSecond: 0, work: [30, 80], failing: 0.02 } as const;
const LOOK_EVERY_MS = 10;
/** What a skip is for may be settled before it: then it is done again, with other records. */
const SKIP_TRIES = 5;
const SKIP_AGAIN_MS = 200;

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
    return requireConfig(this.#lab.configFile, {});
  }

  /** Of a wrong build: it is in commands, and not in this process. */
  get #byCommand(): boolean {
    return this.#lab.spec.wrongBuild !== undefined;
  }

  async act(verb: Verb, shard: LabShard): Promise<void> {
    if (verb === 'rewind') return await this.#rewind(shard);
    // What is in flight may be cut short by it, and then runs again.
    const id = await this.#lab.beginFault(`mapping ${verb}`);
    if (verb === 'pause') await this.#pause(shard);
    else for (let go = 0; go < SKIP_TRIES && !(await this.#skip(shard)); go++) await pause(SKIP_AGAIN_MS);
    await this.#lab.healFault(id, `mapping ${verb}`, [shard.name]);
  }

  async #pause({ shardId }: LabShard): Promise<void> {
    this.done.pause += await pauseMapping(this.#deps, MAPPING, shardId);
    await pause(this.#lab.random.between(200, 1_500));
    await resumeMapping(this.#deps, MAPPING, shardId);
  }

  /** False: there was nothing left to be skipped when it came, or who fills the spool was on its way. */
  async #skip(shard: LabShard): Promise<boolean> {
    const { source, random, recorder, producer } = this.#lab;
    // A command takes its time, and what it names would be settled.
    if (this.#byCommand) await pauseMapping(this.#deps, MAPPING, shard.shardId);
    const version = await this.#version();
    // So that there is something to be skipped.
    await producer.put(SKIPPED_MAX, SKIPPED, [shard]);
    const { next } = await source.near(shard, SKIPPED_MAX);
    if (next.length === 0) return false;
    // The first of them are in flight, and settled by then.
    const last = random.pick(next.slice(next.length >> 1));
    await recorder.record({ kind: 'skip', shard: shard.name, last: last.position });
    if (this.#byCommand) {
      this.done.skip += await this.#command('skip', shard, last);
      await resumeMapping(this.#deps, MAPPING, shard.shardId);
      return true;
    }
    // One at least is not killed.
    if (this.done.skip === 0 || !random.chance(0.3)) return await this.#skipTo(shard, last, version);
    await this.#skipKilled(shard, last);
    return true;
  }

  async #version(): Promise<FunctionVersion> {
    const config = this.#config;
    return (await loadFunctions(config, TEST_CACHE)).get(config.mappings.get(MAPPING)!.function)!;
  }

  async #skipTo(shard: LabShard, last: NearRecord, version: FunctionVersion): Promise<boolean> {
    const { shardId } = shard;
    const config = this.#config;
    const mapping = config.mappings.get(MAPPING)!;
    const reader = createReader(config.redis, { log: silentLog });
    const deps = { ...this.#deps, reader };
    try {
      const act = { mapping, version, shardId, what: { to: last.id } };
      await skip(deps, act, await planSkip(deps, act));
      this.done.skip++;
      return true;
    } catch (error) {
      const code = error instanceof MillraceError ? error.code : '';
      // Redis was killed beside it: as who types it would, again, with the same record.
      if (code === 'redis-unreachable') return await this.#skipTo(shard, last, version);
      // Everything was settled before it; or the poller that fills the spool is on its way.
      if (code !== 'nothing-to-skip' && code !== 'mapping-busy') throw error;
      return false;
    } finally {
      await reader.close();
    }
  }

  #args(verb: Verb, { shardId }: LabShard, { name }: NearRecord): string[] {
    return ['mapping', verb, MAPPING, '--shard', shardId, '-c', this.#lab.configFile, '--to', name, '--yes'];
  }

  /** 1, when it was done. */
  async #command(verb: Verb, shard: LabShard, to: NearRecord): Promise<number> {
    const { code } = await run(MILLRACE, this.#args(verb, shard, to), { env: this.#lab.env });
    return code === 0 ? 1 : 0;
  }

  async #skipKilled(shard: LabShard, last: NearRecord): Promise<void> {
    const { random, env } = this.#lab;
    const command = start(MILLRACE, this.#args('skip', shard, last), { env });
    await Promise.race([command.ended, pause(random.between(400, 2_000))]);
    command.kill('SIGKILL');
    const { code } = await command.ended;
    if (code === null) this.killed++;
    else if (code === 0) this.done.skip++;
  }

  async #rewind(shard: LabShard): Promise<void> {
    const { random, source } = this.#lab;
    const { settled } = await source.near(shard, REACH);
    if (settled.length === 0) return;
    const first = random.pick(settled);
    source.mayRewind(shard);
    const begin = () => (this.#byCommand ? this.#command('rewind', shard, first) : this.#rewindTo(shard, first));
    this.done.rewind += await this.#tellRewinds(shard, first, begin);
  }

  async #rewindTo({ shardId }: LabShard, first: NearRecord): Promise<void> {
    const to = { kind: 'BEHIND', checkpoint: previousId(first.id) } as const;
    const act = { mapping: this.#config.mappings.get(MAPPING)!, to, text: first.name, shardId };
    const reader = createReader(this.#config.redis, { log: silentLog });
    const deps = { ...this.#deps, reader };
    try {
      await rewind(deps, act, await planRewind(deps, act));
    } finally {
      await reader.close();
    }
  }

  /**
   * How often it was done: a step whose answer Redis did not give before it was killed is made again, and may find that something was
   * settled since the first time.
   */
  async #tellRewinds(shard: LabShard, first: NearRecord, begin: () => Promise<unknown>): Promise<number> {
    const { redis, recorder, keys } = this.#lab;
    const look = async (): Promise<string | null> => await redis.hget(keys.shard(MAPPING, shard.shardId), 'rwAt');
    const seen = new Set([await look()]);
    let over = false;
    const ended = begin().finally(() => (over = true));
    ended.catch(() => undefined);
    let times = 0;
    for (let last = false; !last; await pause(LOOK_EVERY_MS)) {
      last = over;
      const at = await look();
      if (at === null || seen.has(at)) continue;
      seen.add(at);
      await recorder.record({ kind: 'rewind', shard: shard.name, first: first.position, atMs: Number(at) });
      times++;
    }
    await ended;
    return times;
  }
}
