/** Script calls on the lean connection: the same answers as through ioredis, also when the connection is cut. */
import { once } from 'node:events';
import net from 'node:net';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../src/observe/log.ts';
import { createScriptLine, type ScriptLine } from '../../src/redis/script-line.ts';
import { loadScript } from '../../src/redis/scripts.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const closers: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closers.splice(0).map((close) => close())));

function line(url = redis.url): ScriptLine {
  const made = createScriptLine(url, redis.client, { log: silentLog });
  closers.push(() => made.close());
  return made;
}

function script(lua: string) {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-script-'));
  writeFileSync(path.join(dir, 'trial-1.lua'), lua);
  return loadScript(pathToFileURL(`${dir}/`), 'trial-1.lua');
}

test('texts, numbers as text, nothing, and lists of these; arguments of any characters', async () => {
  const echo = script("return { ARGV[1], 7, false, { ARGV[2], {} }, '' }");
  const reply = await echo.run(line(), ['k'], ['ü€😀\r\n$3', 12]);
  expect(reply).toEqual(['ü€😀\r\n$3', '7', null, ['12', []], '']);
  // The second time the server knows it.
  expect(await echo.run(line(), ['k'], ['a', 'b'])).toEqual(['a', '7', null, ['b', []], '']);
  expect(await echo.run(line(), ['k'], [Buffer.from('b'), 1])).toEqual(['b', 7, null, ['1', []], '']);
});

test("the server's errors are its own text", async () => {
  await expect(script("return redis.error_reply('NOPERM of mine')").run(line(), ['k'], [])).rejects.toThrow(
    /^NOPERM of mine$/,
  );
  await expect(script("return redis.call('LPUSH', KEYS[1])").run(line(), ['k'], [])).rejects.toThrow(
    /Wrong number of args/,
  );
});

test('many at once come back in their order', async () => {
  const echo = script('return { ARGV[1] }');
  const by = line();
  const replies = await Promise.all(Array.from({ length: 500 }, (_, n) => echo.run(by, ['k'], [n])));
  expect(replies).toEqual(Array.from({ length: 500 }, (_, n) => [String(n)]));
});

test('after a cut the call is made again the other way', async () => {
  let cuts = 0;
  // Takes the call to the server and cuts the connection instead of giving the answer.
  const proxy = net.createServer((client) => {
    const upstream = net.connect(Number(new URL(redis.url).port), '127.0.0.1');
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.on('data', (bytes: Buffer) => upstream.write(bytes));
    upstream.on('data', () => {
      cuts++;
      client.destroy();
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  closers.push(() => new Promise((resolve) => proxy.close(resolve)));
  const by = line(`redis://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`);
  const count = script("return { redis.call('INCR', KEYS[1]) }");
  await count.run(redis.client, ['warm'], []);
  expect(await count.run(by, ['counted'], [])).toEqual([2]);
  expect(cuts).toBe(1);
});
