/** `millrace failures` of a mapping with tumbling windows: what failed is seen, and a redrive is refused with its reason. */
import { expect, test, vi } from 'vitest';
import { failures, givenUp, redrive, SHARD } from '../support/redrive.ts';
import { useRedis } from '../support/redis.ts';
import { LENGTH, PAST, put, summing, windowed } from '../support/windowed.ts';

vi.setConfig({ testTimeout: 120_000 });
const redis = useRedis();

test('records and final invocations are listed and shown, and not redriven', async () => {
  const handler = summing(`if (Number.isNaN(sum)) throw new Error('no number');`, `throw new Error('never');`);
  const w = await windowed(redis, handler, { batchSize: 1, maximumRetryAttempts: 0 });
  await put(w, [PAST, '1'], [PAST + 1, 'bad'], [PAST + LENGTH, '2']);
  w.start();
  await givenUp(w, 3);
  const { stdout } = await failures(w, 'list', '--json');
  const list = JSON.parse(stdout) as { readonly id: string }[];
  const common = { mapping: 'm', shardId: SHARD, condition: 'RetryAttemptsExhausted' };
  expect(list).toMatchObject([
    { ...common, records: 1, error: { errorMessage: 'no number' } },
    { ...common, records: 0, error: { errorMessage: 'never' } },
    { ...common, records: 0, error: { errorMessage: 'never' } },
  ]);
  const shown = await failures(w, 'show', list[1]!.id);
  expect(shown.stdout).toContain(`mapping m, shard ${SHARD}: final invocation of a window\n`);
  const refused = await redrive(w);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('mapping m has a tumbling window: its windows are over');
  const asked = await redrive(w, '--as-window');
  expect([asked.code, asked.stdout]).toEqual([1, '']);
  expect(asked.stderr).toContain('running records as a window of their own is not supported yet');
  expect(await w.redis.xlen(w.keys.failures('m'))).toBe(3);
});
