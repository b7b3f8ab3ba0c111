/** URLs of Sentinels: what is understood, what is refused, and that no password is repeated. */
import { expect, test } from 'vitest';
import { parseRedisUrl } from '../../src/redis/address.ts';
import { scrubUrl } from '../../src/redis/connect.ts';
import { isSentinelUrl, readSentinelUrl, sentinelUrlFault } from '../../src/redis/sentinel-url.ts';

test('hosts have the usual port, a database is 0, and nothing is there that was not written', () => {
  expect(readSentinelUrl('redis-sentinel://a.example.com,10.0.0.2:26380,[::1]:7000#main.one')).toEqual({
    sentinels: [
      { host: 'a.example.com', port: 26_379 },
      { host: '10.0.0.2', port: 26_380 },
      { host: '::1', port: 7_000 },
    ],
    ...{ name: 'main.one', tls: false, db: 0 },
  });
});

test('user, password and database are those of the servers; those of the Sentinels are behind the question mark', () => {
  const url = 'rediss-sentinel://me:p%40ss%@h/2?sentinelUsername=watch&sentinelPassword=w%26rd#main';
  expect(readSentinelUrl(url)).toEqual({
    ...{ sentinels: [{ host: 'h', port: 26_379 }], name: 'main', tls: true, db: 2 },
    ...{ username: 'me', password: 'p%40ss%', sentinelUsername: 'watch', sentinelPassword: 'w&rd' },
  });
  expect(readSentinelUrl('redis-sentinel://:p%40ss@h#main')).toMatchObject({ password: 'p@ss' });
  expect(readSentinelUrl('redis-sentinel://:p%40ss@h#main')).not.toHaveProperty('username');
});

test.each([
  ['redis-sentinel://h/0', /name of the primary/],
  ['redis-sentinel://h/0#', /name of the primary/],
  ['redis-sentinel://h/0#two words', /name of the primary/],
  ['redis-sentinel://#main', /Sentinel that is not HOST/],
  ['redis-sentinel://h,,i#main', /Sentinel that is not HOST/],
  ['redis-sentinel://h:#main', /Sentinel that is not HOST/],
  ['redis-sentinel://h:0#main', /Sentinel that is not HOST/],
  ['redis-sentinel://h:65536#main', /Sentinel that is not HOST/],
  ['redis-sentinel://h:1:2#main', /Sentinel that is not HOST/],
  ['redis-sentinel://h/one#main', /database number/],
  ['redis-sentinel://h?db=1#main', /behind the question mark/],
  ['redis-sentinel://a@b@h#main', /not a well-formed URL/],
])('%s is refused', (url, why) => {
  expect(isSentinelUrl(url)).toBe(true);
  expect(sentinelUrlFault(url)?.message).toMatch(why);
  expect(() => parseRedisUrl(url)).toThrow('the Redis URL is not understood');
});

test('other URLs are none', () => {
  expect(['redis://h', 'rediss://h', 'sentinel://h#m', ' redis-sentinel://h#m'].filter(isSentinelUrl)).toEqual([]);
});

test('messages have the URL without its passwords', () => {
  expect(scrubUrl('redis-sentinel://me:hush@h,i/0?sentinelPassword=hush&sentinelUsername=w#main')).toBe(
    'redis-sentinel://***@h,i/0?sentinelPassword=***&sentinelUsername=w#main',
  );
});
