/** Which addresses are public, what network.allow lets through, which headers a handler may set. */
import { describe, expect, test } from 'vitest';
import { isPublic, plainAddress } from '../../src/sandbox/egress/address.ts';
import { parseAllowList } from '../../src/sandbox/egress/allow-list.ts';
import { afterRedirect, checkHeaders, withOurs } from '../../src/sandbox/egress/request-headers.ts';
import { addressesOf, parseTarget } from '../../src/sandbox/egress/target.ts';

describe('addresses', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.2.1',
    '192.168.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '[::ffff:10.0.0.1]',
    '::ffff:7f00:1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:0:a00:1::',
    '2001:db8::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '::127.0.0.1',
  ])('%s is not public', (address) => expect(isPublic(plainAddress(address))).toBe(false));

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '11.0.0.1',
    '::ffff:8.8.8.8',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is public', (address) => expect(isPublic(plainAddress(address))).toBe(true));
});

const names: Record<string, string[]> = {
  'api.example.com': ['93.184.216.34'],
  'inner.example.com': ['10.0.0.5'],
  'mixed.example.com': ['10.0.0.5', '93.184.216.34'],
  'v6.example.com': ['fd00::1'],
  localhost: ['127.0.0.1'],
};
const resolve = (host: string) => Promise.resolve(names[host] ?? []);
const at = (url: string, allow: string[]) => {
  const target = parseTarget(url);
  return addressesOf(target, parseAllowList(allow), resolve);
};

describe('network.allow', () => {
  test.each<[string, string[], string[]]>([
    ['https://api.example.com/x', ['api.example.com:443'], ['93.184.216.34']],
    ['https://API.example.COM./x', ['Api.Example.com:443'], ['93.184.216.34']],
    ['http://api.example.com/', ['api.example.com:80'], ['93.184.216.34']],
    ['https://api.example.com:8443/', ['api.example.com:8443'], ['93.184.216.34']],
    ['https://api.example.com/', ['*.example.com:443'], ['93.184.216.34']],
    ['https://inner.example.com/', ['inner.example.com:443', '10.0.0.0/8:443'], ['10.0.0.5']],
    ['https://inner.example.com/', ['inner.example.com:443', '10.0.0.5:443'], ['10.0.0.5']],
    ['https://mixed.example.com/', ['mixed.example.com:443'], ['93.184.216.34']],
    ['http://10.2.3.4:9000/', ['10.0.0.0/8:9000'], ['10.2.3.4']],
    ['http://2130706433/', ['127.0.0.1:80'], ['127.0.0.1']],
    ['http://[::ffff:10.0.0.1]/', ['10.0.0.1:80'], ['10.0.0.1']],
    ['http://[fd00::1]:81/', ['[fd00::]/8:81'], ['fd00::1']],
    ['http://[fd00::1]:81/', ['[FD00::0:1]:81'], ['fd00::1']],
  ])('%s with %j leads to %j', async (url, allow, expected) => expect(await at(url, allow)).toEqual(expected));

  test.each<[string, string[], RegExp]>([
    ['https://api.example.com/', [], /api\.example\.com:443 is not in network\.allow: add "api\.example\.com:443"/],
    ['http://api.example.com/', ['api.example.com:443'], /add "api\.example\.com:80"/],
    ['https://example.com/', ['*.example.com:443'], /add "example\.com:443"/],
    ['https://evilexample.com/', ['*.example.com:443'], /not in network\.allow/],
    ['https://api.example.com.evil.com/', ['api.example.com:443'], /not in network\.allow/],
    ['https://inner.example.com/', ['inner.example.com:443'], /private address 10\.0\.0\.5.*add "10\.0\.0\.5:443"/],
    ['https://inner.example.com/', ['inner.example.com:443', '10.0.0.0/8:80'], /private address/],
    ['https://inner.example.com/', ['10.0.0.0/8:443'], /inner\.example\.com:443 is not in network\.allow/],
    ['https://v6.example.com/', ['v6.example.com:443'], /add "\[fd00::1\]:443"/],
    ['http://localhost./', ['localhost:80'], /private address 127\.0\.0\.1/],
    ['http://93.184.216.34/', ['api.example.com:80'], /93\.184\.216\.34 is not in network\.allow/],
    ['http://127.0.0.1:6379', ['api.example.com:443'], /add "127\.0\.0\.1:6379"/],
    ['http://[::1]/', ['127.0.0.1:80'], /add "\[::1\]:80"/],
    ['http://0.0.0.0/', ['127.0.0.1:80'], /0\.0\.0\.0 is not/],
    ['http://169.254.169.254/', ['0.0.0.0/1:80'], /169\.254\.169\.254 is not/],
    ['http://0x7f.1/', [], /127\.0\.0\.1 is not/],
    ['https://nowhere.example.com/', ['*.example.com:443'], /could not be resolved/],
  ])('%s with %j is refused', (url, allow, sentence) => expect(at(url, allow)).rejects.toThrow(sentence));

  test.each([
    'file:///etc/passwd',
    'gopher://a/',
    'data:text/plain,x',
    'ftp://a/',
    'http://u:p@api.example.com/',
    'nonsense',
    'http://[::1',
  ])('%s is never fetched', (url) =>
    expect(() => parseTarget(url)).toThrow(/cannot be fetched|can be fetched|is not a URL/),
  );
});

describe('headers', () => {
  const target = parseTarget('https://api.example.com:8443/');
  const check = (name: string, value: string, bytes = 3) => checkHeaders([[name, value]], target, bytes);

  test.each([
    ['Transfer-Encoding', 'chunked'],
    ['TE', 'trailers'],
    ['Upgrade', 'websocket'],
    ['Expect', '100-continue'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Authorization', 'x'],
    ['Connection', 'X-Millrace-Epoch'],
    ['Host', 'evil.example.com'],
    ['Content-Length', '4'],
    ['X-Millrace-Epoch', '1'],
    ['x-millrace-anything', '1'],
    ['A\r\nB', 'x'],
    ['A B', 'x'],
    ['', 'x'],
    ['A', 'x\r\nB: y'],
    ['A', 'x\0'],
    ['A', '€'],
  ])('%j: %j is refused', (name, value) => expect(() => check(name, value)).toThrow(/header/));

  test('what is the same anyway may be said, and is not sent twice', () => {
    expect(check('Host', 'API.example.com:8443')).toEqual([]);
    expect(check('content-length', '3')).toEqual([]);
    expect(check('Connection', 'keep-alive')).toEqual([]);
    expect(check('Accept', 'text/plain')).toEqual([['Accept', 'text/plain']]);
  });

  test('ours say where the request comes from, with the epoch of the lease', () => {
    const context = {
      requestId: 'r-1',
      mapping: {
        name: 'clicks',
        shardId: 'shardId-000000000001',
        epoch: '7',
        attempt: 1,
        firstSequenceNumber: '1',
        lastSequenceNumber: '2',
      },
    };
    const lease = { epoch: '8', confirm: () => Promise.resolve(true), held: () => true };
    const sent = withOurs([['Accept', 'a']], context, lease);
    const pairs = Object.fromEntries(sent.flatMap((name, i) => (i % 2 === 0 ? [[name, sent[i + 1]]] : []))) as Record<
      string,
      string
    >;
    expect(pairs).toMatchObject({
      Accept: 'a',
      'X-Millrace-Mapping': 'clicks',
      'X-Millrace-Shard': 'shardId-000000000001',
      'X-Millrace-Epoch': '8',
      'X-Millrace-Request-Id': 'r-1',
    });
    expect(pairs['accept']).toBeUndefined();
    expect(withOurs([], { requestId: 'r-2' }, null).filter((text) => text.startsWith('X-'))).toEqual([
      'X-Millrace-Request-Id',
    ]);
  });

  test('credentials do not follow to another origin, nor a description of a body that is gone', () => {
    const headers: [string, string][] = [
      ['Authorization', 'x'],
      ['Cookie', 'y'],
      ['Content-Type', 'z'],
      ['A', 'b'],
    ];
    expect(afterRedirect(headers, true, false).map(([name]) => name)).toEqual(['Content-Type', 'A']);
    expect(afterRedirect(headers, false, true).map(([name]) => name)).toEqual(['Authorization', 'Cookie', 'A']);
  });
});
