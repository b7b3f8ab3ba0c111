/** R22: a long backlog before a slow function takes no more memory of daemon and children than a short one. */
import { stringify } from 'yaml';
import { expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE, type TestDaemon } from '../support/daemon.ts';
import { fillShard } from '../support/fill-shard.ts';
import { forgetPeak, memoryOf } from '../support/process-memory.ts';
import { useRedis } from '../support/redis.ts';
import { pause } from './lab/lab.ts';
import { timesOf } from './lab/report.ts';
import { sandboxesOf } from './lab/sandboxes.ts';

/** On each shard, as many as are read ahead at most (READ_AHEAD_RECORDS): below that less is read at a time. */
const FEW = 1_000;
/** `npm run chaos -- --times 10 r22` has a million. */
const MANY = 100_000;
const SHARDS = 4;
/** So many it settles meanwhile. */
const WORK = 1_000;
const WORK_MS_MAX = 60_000;
/** 400 records a second of all shards together. */
const SLOW = `export const handler = () => new Promise((resolve) => setTimeout(resolve, 1_000));`;
const BATCH = 100;
const RECORD = 'x'.repeat(300);
/**
 * Of four shards 1,000 records each are read ahead (READ_AHEAD_RECORDS), about 2 MB, and two daemons that do the same differ by 12 MB of garbage
 * that is not collected yet. A build that reads ahead without bound takes 103 MB more.
 */
const MORE_MB_MAX = 32;

const redis = useRedis();

class Behind {
  readonly #keys: Keys;
  readonly #shards = Array.from({ length: SHARDS }, (_, index) => shardIdOf(index));
  #daemon: TestDaemon | null = null;
  #put = 0;
  readonly peak = { daemon: 0, child: 0 };

  constructor(name: string) {
    this.#keys = new Keys(name);
  }

  async start(records: number): Promise<void> {
    const { namespace } = this.#keys;
    await createStream(redis.client, this.#keys, 's', { shards: SHARDS, retentionHours: 24 });
    await this.put(records);
    const source = { type: 'redis-stream', stream: 's' };
    const millrace = {
      ...{ redis: redis.url, namespace, functions: { f: { code: 'slow.mjs', handler: 'handler' } } },
      mappings: { m: { function: 'f', source, startingPosition: 'TRIM_HORIZON', batchSize: BATCH } },
    };
    const dir = await configDir({ 'millrace.yaml': stringify(millrace), 'slow.mjs': SLOW });
    this.#daemon = startTestDaemon({ config: `${dir}/millrace.yaml`, env: { MILLRACE_CACHE: TEST_CACHE } });
    await this.#daemon.ready;
    const all = (settled: readonly number[]): boolean => settled.every((count) => count > 0);
    await eventually(() => this.#settled(), all, { what: 'each shard has settled something' });
    // What the start took is not what the backlog takes.
    forgetPeak(this.#daemon.pid);
  }

  async put(records: number): Promise<void> {
    const each = Math.ceil(records / SHARDS);
    for (const shardId of this.#shards)
      await fillShard(redis.client, this.#keys.streamShard('s', shardId), 'k', [RECORD], each);
    this.#put += each * SHARDS;
  }

  async settled(): Promise<number> {
    return (await this.#settled()).reduce((sum, count) => sum + count, 0);
  }

  async behind(): Promise<number> {
    return this.#put - (await this.settled());
  }

  look(): void {
    const { pid } = this.#daemon!;
    this.peak.daemon = Math.max(this.peak.daemon, memoryOf(pid)!.peakRssMb);
    for (const child of sandboxesOf(pid)) this.peak.child = Math.max(this.peak.child, memoryOf(child)?.peakRssMb ?? 0);
  }

  async #settled(): Promise<number[]> {
    const counts = this.#shards.map((id) => redis.client.hget(this.#keys.shard('m', id), 'n:succeeded'));
    return (await Promise.all(counts)).map(Number);
  }
}

test('R22: 100,000 records behind a slow function take the memory of 4,000', { timeout: 600_000 }, async () => {
  const [few, many] = [new Behind('few'), new Behind('many')];
  await Promise.all([few.start(FEW * SHARDS), many.start(timesOf(MANY))]);
  const before = await many.settled();
  const until = performance.now() + timesOf(WORK_MS_MAX);
  let worked = 0;
  while (worked < timesOf(WORK) && performance.now() < until) {
    // It stays as long as it is, so that both work all the time.
    await few.put(Math.max(0, FEW * SHARDS - (await few.behind())));
    for (const one of [few, many]) one.look();
    await pause(100);
    worked = (await many.settled()) - before;
  }
  const left = await many.behind();
  const mb = (one: Behind): string => `daemon ${one.peak.daemon.toFixed(1)} MB, child ${one.peak.child.toFixed(1)} MB`;
  process.stdout.write(
    `R22: ${FEW * SHARDS} behind ${mb(few)}; ${left} behind ${mb(many)}; ${worked} settled meanwhile\n`,
  );
  expect(worked).toBeGreaterThanOrEqual(timesOf(WORK));
  expect(left).toBeGreaterThan(timesOf(MANY) / 2);
  expect(many.peak.daemon - few.peak.daemon).toBeLessThan(MORE_MB_MAX);
  expect(many.peak.child - few.peak.child).toBeLessThan(MORE_MB_MAX);
});
