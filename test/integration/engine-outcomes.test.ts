/** Each outcome that millrace_invocations_total knows, by a function of the real engine that comes to it; and who shares in a loss. */
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { Keys } from '../../src/redis/keys.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { add, type Notice } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('millrace');
const SHARD = 'shardId-000000000000';

/** By name of the function: its body, and how its two records end. */
const FUNCTIONS = {
  ok: { body: '', counts: { ok: 1 }, succeeded: 2, errorType: null },
  partial: {
    body: `if (event.Records.length > 1) return { batchItemFailures: [{ itemIdentifier: event.Records[1].kinesis.sequenceNumber }] };`,
    counts: { partial: 1, ok: 1 },
    ...{ succeeded: 2, errorType: null },
  },
  junk: {
    body: `return { batchItemFailures: [{ itemIdentifier: 'none' }] };`,
    ...{ counts: { error: 1 }, succeeded: 0, errorType: 'MalformedBatchResponse' },
  },
  error: { body: `throw new RangeError('no');`, counts: { error: 1 }, succeeded: 0, errorType: 'RangeError' },
  timeout: { body: `for (;;);`, counts: { timeout: 1 }, succeeded: 0, errorType: 'Sandbox.Timedout' },
  memory: {
    body: `const a = []; for (;;) a.push(new Array(1e5).fill(1.5));`,
    ...{ counts: { out_of_memory: 1 }, succeeded: 0, errorType: 'Runtime.OutOfMemory' },
  },
  exit: { body: `process.exit(1);`, counts: { killed: 1 }, succeeded: 0, errorType: 'Runtime.ExitError' },
} as const;
type Name = keyof typeof FUNCTIONS;
const NAMES = Object.keys(FUNCTIONS) as Name[];

function configOf(): string {
  const fn = (name: Name) => ({
    ...{ code: `${name}.mjs`, handler: 'handler', memorySize: 128 },
    timeout: name === 'timeout' ? 1 : 60,
  });
  const mapping = (name: Name) => ({
    ...{ function: name, source: { type: 'redis-stream', stream: `s-${name}` }, startingPosition: 'TRIM_HORIZON' },
    ...{ batchSize: 2, maximumRetryAttempts: 0, functionResponseTypes: ['ReportBatchItemFailures'] },
  });
  return stringify({
    redis: redis.url,
    functions: Object.fromEntries(NAMES.map((name) => [name, fn(name)])),
    mappings: Object.fromEntries(NAMES.map((name) => [name, mapping(name)])),
  });
}

describe('what an invocation came to', () => {
  test('is counted as what it was, and its notice names the error', { timeout: 120_000 }, async () => {
    const files = NAMES.map((name) => [
      `${name}.mjs`,
      `export const handler = async (event) => { ${FUNCTIONS[name].body} return { batchItemFailures: [] } };`,
    ]);
    const dir = await configDir({
      'millrace.yaml': configOf(),
      ...(Object.fromEntries(files) as Record<string, string>),
    });
    for (const name of NAMES) await add(redis.client, `s-${name}`, ['a', 'b']);
    const daemon = startTestDaemon({ config: `${dir}/millrace.yaml`, env: { MILLRACE_CACHE: TEST_CACHE } });
    const ready = await daemon.ready;
    for (const name of NAMES) {
      const { succeeded, errorType } = FUNCTIONS[name];
      await eventually(
        () => redis.client.hmget(keys.shard(name, SHARD), 'n:succeeded', 'n:givenUp'),
        ([done, gone]) => Number(done) === succeeded && Number(gone) === 2 - succeeded,
        { what: `${name} is settled`, withinMs: 80_000 },
      );
      const notices = await redis.client.xrange(keys.failures(name), '-', '+');
      const errors = notices.map(([, fields]) => (JSON.parse(fields[1]!) as Notice).error!.errorType);
      expect([name, errors]).toEqual([name, errorType === null ? [] : [errorType]]);
    }
    const text = await (await fetch(`http://${String(ready['http'])}/metrics`)).text();
    for (const name of NAMES) {
      const counted = [...text.matchAll(/^millrace_invocations_total\{function="(\w+)",outcome="(\w+)"\} (\d+)$/gm)]
        .filter(([, fn, , n]) => fn === name && n !== '0')
        .map(([, , outcome, n]) => [outcome, Number(n)]);
      expect([name, Object.fromEntries(counted)]).toEqual([name, FUNCTIONS[name].counts]);
    }
    // Each failed attempt left one line, with the handler's own stack.
    const failed = daemon.lines.filter((line) => line.msg.startsWith('invocation failed: '));
    expect(failed.map((line) => String(line['function'])).toSorted()).toEqual(['error', 'exit', 'memory', 'timeout']);
    const thrown = failed.find((line) => line['function'] === 'error')!;
    expect(thrown).toMatchObject({ level: 'error', errorType: 'RangeError', mapping: 'error', shard: SHARD });
    expect(thrown['stack']).toEqual(['RangeError: no', expect.stringMatching(/^ {4}at .*\/var\/task\/.*:1:\d+/)]);
  });
});
