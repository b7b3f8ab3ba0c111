/** A function that loses its processes again and again: it is slowed, nobody else is, nothing is spent, and `status` says who, why, how often. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { CHILD_LOSSES_AT_ONCE, CHILD_START_EVERY_FIRST_MS } from '../../src/limits.ts';
import { collectStatus } from '../../src/observe/status.ts';
import type { FunctionStatus } from '../../src/observe/status-types.ts';
import { Keys } from '../../src/redis/keys.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE, type TestDaemon } from '../support/daemon.ts';
import { add, said, SAID, SAY } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('millrace');
const env = { MILLRACE_CACHE: TEST_CACHE };

function configOf(timeout: number, parallelizationFactor: number): string {
  const mapping = (fn: string, stream: string) => ({
    ...{ function: fn, source: { type: 'redis-stream', stream }, startingPosition: 'TRIM_HORIZON' },
    ...{ batchSize: 1, maximumRetryAttempts: 0, parallelizationFactor },
  });
  return stringify({
    redis: redis.url,
    functions: {
      bad: { code: 'bad.mjs', handler: 'handler', timeout, memorySize: 128 },
      good: { code: 'good.mjs', handler: 'handler' },
    },
    mappings: { bad: mapping('bad', 's'), good: mapping('good', 'o') },
  });
}

const GOOD = `export const handler = async (event, context) => { say(event, context); };`;

async function start(
  bad: string,
  { timeout = 10, lanes = 1 } = {},
): Promise<{ daemon: TestDaemon; config: string; dir: string }> {
  const dir = await configDir({
    'millrace.yaml': configOf(timeout, lanes),
    'bad.mjs': SAY + bad,
    'good.mjs': SAY + GOOD,
  });
  const config = `${dir}/millrace.yaml`;
  return { daemon: startTestDaemon({ config, env }), config, dir };
}

const lostOf = ({ lost }: FunctionStatus) => Object.values(lost).reduce((sum, n) => sum + n, 0);
const functionOf = async (name = 'bad') =>
  (await collectStatus(redis.client, keys)).functions.find((one) => one.name === name);

const SHARD = 'shardId-000000000000';
const settled = (mapping: string) => redis.client.hgetall(keys.shard(mapping, SHARD));

describe('a function that loses its processes', () => {
  test('is slowed alone, spends nothing meanwhile, and its fix does not wait', { timeout: 60_000 }, async () => {
    // Several lanes: a single one may lose them one by one so slowly, on a busy machine, that there is nothing to be slowed.
    const texts = Array.from({ length: 40 }, (_, i) => `${'abcdefgh'[i % 8]}${i}`);
    const exits = 'export const handler = async () => { process.exit(7) };';
    const { daemon, config, dir } = await start(exits, { lanes: 4 });
    const ready = await daemon.ready;
    await add(redis.client, 's', texts);
    const began = performance.now();
    const slowed = await eventually(
      () => functionOf(),
      (one) => one !== undefined && one.slowedUntil !== null && lostOf(one) >= CHILD_LOSSES_AT_ONCE,
      { what: 'it is slowed' },
    );
    expect(slowed).toMatchObject({
      lost: { timeout: 0, outOfMemory: 0, protocol: 0, startFailed: 0 },
      lastLoss: { reason: 'exit', errorType: 'Runtime.ExitError', mapping: 'bad', shardId: SHARD },
    });
    expect(slowed!.lastLoss!.errorMessage).toMatch(/^RequestId: \S+ Error: Runtime exited with error: exit status 7$/);
    expect(Math.abs(Date.parse(slowed!.lastLoss!.time) - Date.now())).toBeLessThan(30_000);
    expect(slowed!.delayMs).toBeGreaterThanOrEqual(CHILD_START_EVERY_FIRST_MS);

    // The other function has a turn and a process at once.
    await add(redis.client, 'o', texts);
    await eventually(
      () => settled('good'),
      (s) => s['n:succeeded'] === '40',
      { what: 'the other function is done' },
    );
    const later = await functionOf();
    const seconds = (performance.now() - began) / 1_000;
    expect(lostOf(later!)).toBeLessThanOrEqual(CHILD_LOSSES_AT_ONCE + Math.ceil(seconds) + 1);
    expect(await functionOf('good')).toMatchObject({ lastLoss: null, slowedUntil: null, delayMs: 0 });
    // It may not have asked again yet.
    const metrics = await eventually(
      async () => await (await fetch(`http://${String(ready['http'])}/metrics`)).text(),
      (text) => /millrace_invocations_total\{function="bad",outcome="throttled"\} [1-9]/.test(text),
      { what: 'it is refused a process' },
    );
    expect(metrics).toMatch(/millrace_children_lost_total\{function="bad",reason="exit"\} [1-9]/);
    expect(metrics).toContain('millrace_children_lost_total{function="good",reason="exit"} 0');

    // What it could not try was not given up either, and is tried by the fixed version at once: its first deliveries.
    expect(await daemon.stop()).toBe(0);
    const givenUp = Number((await settled('bad'))['n:givenUp']);
    expect(givenUp).toBeLessThan(40);
    await writeFile(`${dir}/bad.mjs`, SAY + GOOD);
    const fixed = startTestDaemon({ config, env });
    const after = await eventually(
      () => settled('bad'),
      (s) => Number(s['n:succeeded']) + Number(s['n:givenUp']) === 40,
      { what: 'the fixed version is done' },
    );
    expect(Number(after['n:givenUp'])).toBe(givenUp);
    await expect.poll(() => said(fixed).length, SAID).toBe(40 - givenUp);
    expect(said(fixed).every((one) => one.attempt === 1)).toBe(true);
  });

  test(
    'takes down only what it held: the other shards of its function go on, each record tried once',
    { timeout: 90_000 },
    async () => {
      const bad = `export const handler = async (event, context) => {
      const text = atob(event.Records[0].kinesis.data);
      if (text === 'bad') process.exit(1);
      await new Promise((r) => setTimeout(r, 5));
      say(event, context);
    };`;
      const mapping = (stream: string) => ({
        ...{
          function: 'bad',
          source: { type: 'redis-stream', stream },
          startingPosition: 'TRIM_HORIZON',
          batchSize: 1,
        },
      });
      const healthy = ['h1', 'h2', 'h3'];
      const mappings = Object.fromEntries(['b1', ...healthy].map((name) => [name, mapping(name)]));
      const functions = { bad: { code: 'bad.mjs', handler: 'handler' } };
      const dir = await configDir({
        'millrace.yaml': stringify({ redis: redis.url, functions, mappings }),
        'bad.mjs': SAY + bad,
      });
      const texts = Array.from({ length: 100 }, (_, i) => `r${i}`);
      await add(redis.client, 'b1', ['bad']);
      const daemon = startTestDaemon({ config: `${dir}/millrace.yaml`, env });
      await eventually(
        () => functionOf(),
        (one) => one !== undefined && lostOf(one) >= 3,
        { what: 'it loses processes' },
      );
      for (const name of healthy) await add(redis.client, name, texts);
      for (const name of healthy)
        await eventually(
          () => settled(name),
          (s) => s['n:succeeded'] === '100',
          { what: `${name} is done`, withinMs: 40_000 },
        );
      await expect.poll(() => said(daemon).length, SAID).toBe(300);
      expect(said(daemon).filter((one) => one.attempt !== 1)).toEqual([]);
      expect((await functionOf())!.lastLoss).toMatchObject({ reason: 'exit', mapping: 'b1' });
    },
  );

  test.each([
    ['timeout', 'export const handler = async () => { for (;;); };', 'Sandbox.Timedout', 1],
    [
      'outOfMemory',
      'export const handler = async () => { const a = []; for (;;) a.push(new Array(1e5).fill(1.5)); };',
      'Runtime.OutOfMemory',
      60,
    ],
    ['startFailed', `throw new TypeError('no start'); export const handler = 1;`, 'TypeError', 1],
  ] as const)('%s: status says so', { timeout: 60_000 }, async (reason, bad, errorType, timeout) => {
    await start(bad, { timeout });
    await add(redis.client, 's', ['a', 'b']);
    const one = await eventually(
      () => functionOf(),
      (f) => f !== undefined && f.lost[reason] >= 2,
      { what: 'two losses', withinMs: 50_000 },
    );
    expect(lostOf(one!)).toBe(one!.lost[reason]);
    expect(one!.lastLoss).toMatchObject({ reason, errorType, mapping: 'bad', shardId: SHARD });
    expect(one!.version).toMatch(/^[0-9a-f]{64}$/);
  });
});
