/** The examples as a user runs them: each to its end, with its own judgement, which must be able to say no. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/house/files.ts';
import { useRedis } from '../support/redis.ts';
import { run } from '../support/run.ts';

const MAIN = [path.join(ROOT, 'examples', 'main.ts')];

describe('npm start --', () => {
  const redis = useRedis();
  const example = (name: string) => run(process.execPath, [...MAIN, name], { env: { REDIS_URL: redis.url } });

  test('uploads: the index is what the bucket holds', async () => {
    const { code, stdout, stderr } = await example('uploads');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, found, expected] = /objects +(\d+) of (\d+), from 1230 notifications/.exec(stdout)!;
    expect(found).toBe(expected);
    expect(Number(found)).toBeGreaterThan(20);
    expect(stdout).toMatch(/[1-9]\d* answers were lost .*; [1-9]\d* changes were old and ignored/);
  }, 60_000);

  test('read-model: the sums are those of the table', async () => {
    const { code, stdout, stderr } = await example('read-model');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/ {4}(books|garden|music|tools|toys) +\d+ products, \d+ in stock/g)).toHaveLength(5);
    expect(stdout).toMatch(/[1-9]\d* answers were lost, [1-9]\d* requests .* half; [1-9]\d* changes came again/);
  }, 60_000);

  test('exactly-once: every order is in the archive once and in order, after two kills', async () => {
    const { code, stdout, stderr } = await example('exactly-once');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/Killed a daemon: \d+ of 2000 orders are enriched/g)).toHaveLength(2);
    expect(stdout).toMatch(/orders +2000 of 2000 enriched, in \d+ totals of 20 customers/);
  }, 90_000);

  test('an example that there is not', async () => {
    const { code, stderr } = await example('nothing');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^There is no example "nothing"[^]*exactly-once/);
  });
});
