/** `millrace failures list | show` on what daemons really left behind (contract.md, "Acting on a running system"). */
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { buildNotice } from '../../src/failure/notice.ts';
import { configDir, eventually, TEST_CACHE } from '../support/daemon.ts';
import { add, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const FAILS = `export const handler = async () => { throw new RangeError('no good'); };`;
const SHARD = 'shardId-000000000000';
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/) as string;

function failures(config: string, ...args: readonly string[]) {
  return run(MILLRACE, ['failures', ...args, '-c', config], { env: { MILLRACE_CACHE: TEST_CACHE } });
}

async function listed(config: string, ...args: readonly string[]): Promise<{ id: string; condition: string }[]> {
  const { code, stdout, stderr } = await failures(config, 'list', '--json', ...args);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as { id: string; condition: string }[];
}

/** As `millrace mapping skip` leaves it. */
function skipped(mapping: string): string {
  const giveUp = {
    ...{ condition: 'SkippedByOperator' as const, first: '1732370000001-0', last: '1732370000002-0', count: 2 },
    ...{ requestId: 'b1', invokeCount: 0, functionError: undefined, error: null },
  };
  return buildNotice({
    ...{
      mapping,
      functionName: 'f',
      functionVersion: 'f00d',
      shardId: SHARD,
      streamArn: 'arn:millrace:redis:::stream/s',
    },
    ...{ giveUp, firstArrivalMs: 1732370000001, lastArrivalMs: 1732370000002, timestampMs: Date.now() },
    payload: '{"Records":[]}',
  });
}

describe('every condition', () => {
  test('is listed as the contract has it, and shown with its event', async () => {
    const w = await world(redis, {
      handler: FAILS,
      mapping: { maximumRetryAttempts: 0, maximumRecordAgeInSeconds: 3600, batchSize: 2 },
    });
    // Two that are too old by their ids, and two that fail.
    const old = Date.now() - 2 * 3_600_000;
    for (const i of [0, 1]) await w.redis.xadd('s', `${old + i}-0`, 'partitionKey', 'k', 'data', `old${i}`);
    const daemon = w.start();
    const givenUp = (n: number) =>
      eventually(
        () => w.redis.xlen(w.keys.failures('m')),
        (length) => length >= n,
        { what: `${n} notices` },
      );
    await givenUp(1);
    const ids = await add(w.redis, 's', ['a', 'b']);
    await givenUp(2);
    await daemon.stop();
    // Three are lost before they are read.
    await add(w.redis, 's', ['c', 'd', 'e']);
    await w.redis.xtrim('s', 'MAXLEN', 0);
    await add(w.redis, 's', ['f']);
    const next = w.start();
    await givenUp(4);
    await next.stop();
    await w.redis.xadd(w.keys.failures('m'), '*', 'notice', skipped('m'));
    const error = { errorType: 'RangeError', errorMessage: 'no good' };
    const one = { mapping: 'm', shardId: SHARD, time: TIME };
    const ID = expect.stringMatching(/^\d+-\d+$/) as string;
    const list = await listed(w.config);
    expect(list).toEqual([
      { id: ID, ...one, condition: 'RecordAgeExceeded', records: 2, error: null },
      { id: ID, ...one, condition: 'RetryAttemptsExhausted', records: 2, error },
      { id: ID, ...one, condition: 'SourceGap', records: 3, error: null },
      { id: ID, ...one, condition: 'RetryAttemptsExhausted', records: 1, error },
      { id: ID, ...one, condition: 'SkippedByOperator', records: 2, error: null },
    ]);
    for (const entry of list) {
      const { code, stdout } = await failures(w.config, 'show', entry.id, '--json');
      expect(code).toBe(0);
      const [[, fields]] = (await w.redis.xrange(w.keys.failures('m'), entry.id, entry.id)) as [[string, string[]]];
      expect(JSON.parse(stdout)).toEqual({ ...entry, notice: JSON.parse(fields[1]!) as unknown });
    }
    const failed = await failures(w.config, 'show', list[1]!.id);
    expect(failed.stdout).toMatch(/RangeError: no good\n\n\{\n {2}"Records": \[/);
    expect(failed.stdout).toContain(`mapping m, shard ${SHARD}: 2 records, `);
    expect(failed.stdout).toContain(ids[0]!.split('-')[0]!);
    const gap = await failures(w.config, 'show', list[2]!.id);
    expect(gap.stdout).toContain('the source lost these records before they were read');
    const table = await failures(w.config, 'list');
    expect(table.stdout.split('\n')[0]).toMatch(/^ID +TIME +MAPPING +SHARD +CONDITION +RECORDS +ERROR$/);
    expect(table.stdout).toMatch(/SourceGap +3 +-\n/);
  });
});

describe('where notices are', () => {
  const two = async () => {
    const of = (stream: string, more: object) => ({
      ...{ function: 'f', source: { type: 'redis-stream', stream }, startingPosition: 'LATEST' },
      ...more,
    });
    const shared = { destinationConfig: { onFailure: { type: 'redis-stream', stream: 'failed' } } };
    const mappings = { m: of('a', shared), n: of('b', shared), o: of('c', {}) };
    const functions = { f: { code: 'handler.mjs', handler: 'handler', environment: { T: { secret: '${TOKEN}' } } } };
    const dir = await configDir({
      'millrace.yaml': stringify({ redis: redis.url, functions, mappings }),
      'handler.mjs': FAILS,
    });
    return `${dir}/millrace.yaml`;
  };
  const env = { TOKEN: 'very-secret-token' };
  const cli = async (...args: readonly string[]) => {
    const config = await two();
    return run(MILLRACE, ['failures', ...args, '-c', config], { env });
  };

  test('each is read once, also where mappings share it; --mapping takes its own', async () => {
    for (const mapping of ['m', 'n', 'm']) await redis.client.xadd('failed', '*', 'notice', skipped(mapping));
    await redis.client.xadd('millrace:failures:o', '*', 'notice', skipped('o'));
    // Of before m had a stream of its own.
    await redis.client.xadd('millrace:failures:m', '1-0', 'notice', skipped('m'));
    const of = async (...args: readonly string[]) =>
      (JSON.parse((await cli('list', '--json', ...args)).stdout) as { mapping: string }[]).map(
        ({ mapping }) => mapping,
      );
    expect((await of()).toSorted()).toEqual(['m', 'm', 'm', 'n', 'o']);
    expect(await of('--mapping', 'm')).toEqual(['m', 'm', 'm']);
    expect(await of('--mapping', 'n')).toEqual(['n']);
  });

  test('an id in two places asks for the mapping', async () => {
    for (const mapping of ['m', 'o'])
      await redis.client.xadd(`millrace:failures:${mapping}`, '5-0', 'notice', skipped(mapping));
    const { code, stdout, stderr } = await cli('show', '5-0');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('--mapping');
    expect((await cli('show', '5-0', '--mapping', 'o')).stdout).toContain('mapping o');
  });

  test('entries that are no notices are counted aside; no secret is shown', async () => {
    await redis.client.xadd('failed', '*', 'other', 'x');
    await redis.client.xadd('failed', '*', 'notice', 'not JSON');
    const leak = JSON.parse(skipped('m')) as object;
    const error = { errorType: 'Error', errorMessage: '401 for very-secret-token' };
    const id = (await redis.client.xadd('failed', '*', 'notice', JSON.stringify({ ...leak, error })))!;
    for (const args of [['list'], ['list', '--json'], ['show', id], ['show', id, '--json']]) {
      const { code, stdout, stderr } = await cli(...args);
      expect(code).toBe(0);
      expect(stdout).toContain('401 for [redacted]');
      expect(stdout).not.toContain('very-secret-token');
      expect(stderr.includes('2 of its entries are no notices')).toBe(args[0] === 'list');
    }
  });

  test.for([
    { args: ['list', '--mapping', 'nope'], code: 1, says: 'the configuration has no mapping of that name' },
    { args: ['show', '1-0'], code: 1, says: 'there is no failure 1-0' },
    { args: ['show', 'what'], code: 1, says: 'there is no failure what' },
  ])('$args: exit $code, a sentence', async ({ args, code, says }) => {
    const ran = await cli(...args);
    expect([ran.code, ran.stdout]).toEqual([code, '']);
    expect(ran.stderr).toContain(says);
  });

  test('a key that is no stream is exit 1; a server that is away exit 2', async () => {
    await redis.client.set('failed', 'x');
    const wrong = await cli('list');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('the failure stream failed is no stream')]);
    const functions = { f: { code: 'handler.mjs', handler: 'handler' } };
    const dir = await configDir({
      'millrace.yaml': stringify({ redis: 'redis://127.0.0.1:1', functions }),
      'handler.mjs': FAILS,
    });
    const away = await run(MILLRACE, ['failures', 'list', '-c', `${dir}/millrace.yaml`]);
    expect([away.code, away.stderr]).toEqual([2, expect.stringContaining('127.0.0.1:1')]);
  });
});
