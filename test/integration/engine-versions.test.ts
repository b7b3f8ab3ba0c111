/** New versions of the code while a mapping runs: each attempt is one whole version, and notices and `status` say which. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openDaemon } from '../../src/daemon/open-daemon.ts';
import { registerVersion } from '../../src/daemon/registry.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import type { Config } from '../../src/mapping/types.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { add, type Notice, world } from '../support/engine.ts';
import { eventually, type LogLine, TEST_CACHE } from '../support/daemon.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

/** Says which version it is when it begins and when it ends; fails records that are called `bad`, by its own name. */
const handlerOf = (version: string) => `
const VERSION = ${JSON.stringify(version)};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const handler = async (event, context) => {
  const { mapping, attempt } = context.millrace;
  const say = (phase) => console.log(JSON.stringify({ phase, version: VERSION, id: context.awsRequestId, attempt, mapping }));
  say('begin');
  await pause(60);
  const failed = event.Records.some(({ kinesis }) => atob(kinesis.data).startsWith('bad'));
  say('end');
  if (failed) throw new Error(VERSION);
};`;

interface Word {
  readonly phase: 'begin' | 'end';
  readonly version: string;
  readonly id: string;
  readonly attempt: number;
  readonly mapping: string;
}

const MAPPINGS = ['a', 'b', 'c'];
const SHARD = 'shardId-000000000000';
const mappingOf = (stream: string, more: object = {}) => ({
  ...{ function: 'f', source: { type: 'redis-stream', stream }, startingPosition: 'TRIM_HORIZON' },
  ...{ batchSize: 5, maximumRetryAttempts: 1, bisectBatchOnFunctionError: true, ...more },
});

describe('new versions of the code', () => {
  test('take over between units, in one daemon; no attempt mixes two', { timeout: 120_000 }, async () => {
    const mappings = Object.fromEntries(MAPPINGS.map((name) => [name, mappingOf(name)]));
    const w = await world(redis, { handler: '', mappings });
    const versions = ['v1', 'v2', 'v3', 'v4'];
    const config = async (version: string): Promise<Config> => {
      await writeFile(`${w.dir}/handler.mjs`, handlerOf(version));
      return loadConfig(w.config, { MILLRACE_CACHE: TEST_CACHE }).config!;
    };
    const lines: LogLine[] = [];
    const log = createLogger({ write: (line) => lines.push(JSON.parse(line) as LogLine) });
    const words = () =>
      lines.filter((line) => line['stream'] === 'handler').map((line) => JSON.parse(line.msg) as Word);
    const hash = new Map<string, string>();
    const daemon = await openDaemon({
      ...{ config: await config('v1'), roles: ['poller', 'executor'], log, http: 'off', concurrency: 4 },
    });
    const current = async (name: string) => {
      const { mappings: all } = await collectStatus(w.redis, w.keys);
      hash.set(name, all[0]!.functionVersion);
      expect(new Set(all.map((one) => one.functionVersion)).size).toBe(1);
    };
    try {
      await current('v1');
      const texts = Array.from({ length: 100 }, (_, i) => (i % 23 === 11 ? `bad${i}` : `r${i}`));
      for (const name of MAPPINGS) await add(w.redis, name, texts);
      for (const [i, version] of versions.slice(1).entries()) {
        await eventually(words, (all) => all.length > 12 * (i + 1), { what: `something runs before ${version}` });
        await daemon.reload(await config(version));
        await current(version);
      }
      for (const name of MAPPINGS) {
        await eventually(
          () => w.state(name),
          (s) => Number(s['n:succeeded']) + Number(s['n:givenUp']) === texts.length,
          { what: `${name} is done`, withinMs: 60_000 },
        );
      }
    } finally {
      await daemon.stop();
    }

    const attempts = new Map<string, Word[]>();
    for (const word of words()) {
      const key = `${word.mapping} ${word.id} ${word.attempt}`;
      attempts.set(key, [...(attempts.get(key) ?? []), word]);
    }
    for (const [key, both] of attempts) {
      expect([key, both.map((word) => word.phase)]).toEqual([key, ['begin', 'end']]);
      expect([key, both[1]!.version]).toEqual([key, both[0]!.version]);
    }
    for (const name of MAPPINGS) {
      const begun = words().filter((word) => word.mapping === name && word.phase === 'begin');
      const order = begun.map((word) => word.version);
      expect(order).toEqual(order.toSorted());
      expect(new Set(order).size).toBeGreaterThan(1);
      // A notice names the version of the last attempt, whose words its error are.
      const notices = (await w.notices(name)) as (Notice & { functionVersion: string })[];
      expect(notices).toHaveLength(Math.floor((100 - 12) / 23) + 1);
      for (const { functionVersion, error, requestContext } of notices) {
        expect(functionVersion).toBe(hash.get(error!.errorMessage));
        const last = begun.findLast((word) => word.id === requestContext.requestId)!;
        expect(last.version).toBe(error!.errorMessage);
      }
    }
    expect(new Set(hash.values()).size).toBe(versions.length);
  });

  test('are newer than those of daemons that registered before everything in Redis was flushed', async () => {
    const keys = new Keys('millrace');
    await registerVersion(redis.client, keys, 'f', 'v1');
    const before = await registerVersion(redis.client, keys, 'f', 'v2');
    await redis.client.flushall();
    // Orders are the server's milliseconds; nobody flushes and deploys within one.
    await sleep(5);
    expect(await registerVersion(redis.client, keys, 'f', 'v3')).toBeGreaterThan(before);
  });

  test(
    'a record that expires under a version that never tried it: its notice names the one that did',
    { timeout: 90_000 },
    async () => {
      const strict = { maximumRecordAgeInSeconds: 60, maximumRetryAttempts: -1 };
      const w = await world(redis, { handler: handlerOf('v1'), mappings: { a: mappingOf('a', strict) } });
      await add(w.redis, 'a', ['bad'], `${Date.now() - 35_000}-0`);
      const first = w.start();
      await eventually(
        () => w.state('a'),
        (s) => (s['blk'] ?? '') !== '',
        { what: 'it failed', withinMs: 20_000 },
      );
      const [tried] = (await collectStatus(w.redis, w.keys)).mappings;
      expect(await first.stop()).toBe(0);
      await writeFile(`${w.dir}/handler.mjs`, handlerOf('v2'));
      const poller = w.start(['--role', 'poller']);
      await poller.ready;
      const [present] = (await collectStatus(w.redis, w.keys)).mappings;
      expect(present!.functionVersion).not.toBe(tried!.functionVersion);
      const [notice] = (await eventually(
        () => w.notices('a'),
        (all) => all.length === 1,
        { what: 'its notice', withinMs: 40_000 },
      )) as (Notice & { functionVersion: string })[];
      expect(notice).toMatchObject({
        requestContext: { condition: 'RecordAgeExceeded' },
        ...{ functionVersion: tried!.functionVersion, error: { errorMessage: 'v1' } },
      });
      expect((await w.state('a', SHARD))['n:expired']).toBe('1');
    },
  );
});
