import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadScript } from '../../src/redis/scripts.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const dir = mkdtempSync(path.join(tmpdir(), 'millrace-lua-'));
const url = pathToFileURL(dir + path.sep);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function script(name: string, lua: string) {
  writeFileSync(path.join(dir, name), lua);
  return loadScript(url, name);
}

describe('loadScript', () => {
  it('runs by digest, and sends the text to a server that forgot it', async () => {
    const set = script('set-1.lua', "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])");
    expect(await set.run(redis.client, ['k'], ['one'])).toBe('one');
    await redis.client.script('FLUSH');
    expect(await set.run(redis.client, ['k'], ['two'])).toBe('two');
  });

  it('keeps bytes as they are with runBuffer', async () => {
    const echo = script('echo-0.lua', 'return {ARGV[1], 7, false}');
    const bytes = Buffer.from([0, 255, 128, 10]);
    expect(await echo.runBuffer(redis.client, [], [bytes])).toEqual([bytes, 7, null]);
  });

  it('checks the number of keys against the file name; -N takes any', async () => {
    const two = script('two-2.lua', 'return #KEYS');
    await expect(two.run(redis.client, ['a'], [])).rejects.toThrow('two-2.lua takes 2 keys, got 1');
    const any = script('any-N.lua', 'return #KEYS');
    expect(await any.run(redis.client, ['a', 'b', 'c'], [])).toBe(3);
  });

  it("hands on the script's own errors and does not run it twice", async () => {
    const failing = script('failing-1.lua', "redis.call('INCR', KEYS[1]); return redis.error_reply('STREAMX no')");
    await expect(failing.run(redis.client, ['n'], [])).rejects.toThrow('STREAMX no');
    expect(await redis.client.get('n')).toBe('1');
  });

  it('refuses a name without a number of keys', () => {
    expect(() => script('nameless.lua', 'return 1')).toThrow('ends with its number of keys');
  });
});
