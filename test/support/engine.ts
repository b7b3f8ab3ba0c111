/** A small world for engine tests: one Redis, a configuration, daemons, and what the handler said, in order. */
import type { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { Keys } from '../../src/redis/keys.ts';
import { configDir, eventually, type LogLine, startTestDaemon, TEST_CACHE, type TestDaemon } from './daemon.ts';
import type { TestRedis } from './redis.ts';

/** Handlers say what they saw with console.log(JSON): the daemon's log carries it, in the order of the shard. */
export const SAY = `
const say = (event, context, extra) => console.log(JSON.stringify({
  id: context.awsRequestId, attempt: context.millrace.attempt, shard: context.millrace.shardId,
  data: event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString()), ...extra }));
`;

export interface Said {
  readonly id: string;
  readonly attempt: number;
  readonly shard: string;
  readonly data: readonly string[];
  readonly mapping: string;
  readonly at: number;
}

export interface World {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly dir: string;
  readonly config: string;
  start(args?: readonly string[]): TestDaemon;
  state(mapping?: string, shard?: string): Promise<Record<string, string>>;
  notices(mapping?: string): Promise<Notice[]>;
}

export interface Notice {
  readonly requestContext: { requestId: string; condition: string; approximateInvokeCount: number };
  readonly responseContext?: { functionError: string | null };
  readonly KinesisBatchInfo: { batchSize: number; startSequenceNumber: string; endSequenceNumber: string };
  readonly payload?: string;
  readonly error?: { errorType: string; errorMessage: string };
}

export interface WorldSpec {
  /** Body of the handler module; SAY is in front of it. */
  readonly handler: string;
  /** Settings of mapping `m` beside function, source and startingPosition. */
  readonly mapping?: Record<string, unknown>;
  readonly function?: Record<string, unknown>;
  readonly source?: Record<string, unknown>;
  readonly mappings?: Record<string, unknown>;
}

export function configOf(spec: WorldSpec, url: string): string {
  return stringify({
    redis: url,
    functions: { f: { code: 'handler.mjs', handler: 'handler', ...spec.function } },
    mappings: spec.mappings ?? {
      m: {
        function: 'f',
        source: { type: 'redis-stream', stream: 's', ...spec.source },
        startingPosition: 'TRIM_HORIZON',
        ...spec.mapping,
      },
    },
  });
}

export async function world(redis: TestRedis, spec: WorldSpec): Promise<World> {
  const dir = await configDir({
    'millrace.yaml': configOf(spec, redis.url),
    'handler.mjs': SAY + spec.handler,
  });
  const keys = new Keys('millrace');
  const config = `${dir}/millrace.yaml`;
  return {
    ...{ redis: redis.client, keys, dir, config },
    start: (args = []) => startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE }, args }),
    state: (mapping = 'm', shard = 'shardId-000000000000') => redis.client.hgetall(keys.shard(mapping, shard)),
    async notices(mapping = 'm') {
      const entries = await redis.client.xrange(keys.failures(mapping), '-', '+');
      return entries.map(([, fields]) => JSON.parse(fields[1]!) as Notice);
    },
  };
}

/** For `expect.poll(() => said(…), SAID)`: the log comes by a pipe, a moment after Redis holds what it tells of. */
export const SAID = { timeout: 5_000, interval: 10 };

/** What handlers said, over all given daemons, in the order of their log lines. */
export function said(...daemons: readonly TestDaemon[]): Said[] {
  return daemons
    .flatMap((daemon) => daemon.lines)
    .filter((line) => line['stream'] === 'handler' && line.msg.startsWith('{'))
    .map((line: LogLine) => ({
      ...(JSON.parse(line.msg) as Said),
      mapping: String(line['mapping']),
      at: Date.parse(String(line['time'])),
    }));
}

/** The same, once there are `n` of them at least. */
export function heard(n: number, ...daemons: readonly TestDaemon[]): Promise<Said[]> {
  return eventually(
    () => said(...daemons),
    (all) => all.length >= n,
    { what: `${n} invocations heard of` },
  );
}

/** `r<from>`, `r<from + 1>`, …: n of them. */
export function numbers(n: number, from = 0): string[] {
  return Array.from({ length: n }, (_, i) => `r${from + i}`);
}

export async function add(redis: Redis, key: string, texts: readonly string[], id = '*'): Promise<string[]> {
  const ids: string[] = [];
  for (const text of texts) ids.push((await redis.xadd(key, id, 'partitionKey', text.slice(0, 1), 'data', text))!);
  return ids;
}
