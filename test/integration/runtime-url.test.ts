/** URL beside Node's own: parsing, and every setter with every awkward value. */
import { expect, test } from 'vitest';
import { resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();

const CASES: [string, string?][] = [
  ['http://example.com'],
  ['HTTP://EXAMPLE.com:80/a/../b?x=1#y'],
  ['https://user:p%40ss@h.com:8443/a b/ü?q=ü#ü'],
  ['//x/y', 'https://a.b/c'],
  ['../d?z', 'http://a/b/c/d;p?q'],
  ['?z', 'http://a/b'],
  ['#z', 'http://a/b?c'],
  ['', 'http://a/b?c#d'],
  ['http://2130706433'],
  ['http://0x7f.1'],
  ['http://localhost.'],
  ['http://[::ffff:10.0.0.1]'],
  ['http://[::1]:80/'],
  ['http://[1::2::3]'],
  ['http://1.2.3'],
  ['http://256.1.1.1'],
  ['http://1.2.3.4.5'],
  ['http://09.1'],
  ['http://0x.0x'],
  ['mailto:a@b.c'],
  ['data:text/plain,hello world '],
  ['data:text/plain,hello world #x'],
  ['javascript:alert(1)'],
  ['blob:https://a.b/uuid'],
  ['file:///C:/x/../..'],
  ['file://localhost/x'],
  ['file:c:\\x', 'file:///d:/y'],
  ['file:///a/b/..//c'],
  ['file://host/x'],
  ['/x', 'file:///C:/y'],
  ['http:\\\\a\\b'],
  ['http:a', 'http://b/c/d'],
  ['http:/a', 'http://b/c'],
  ['http:///a'],
  ['https:a'],
  ['ws://a:80'],
  ['http://a:65536'],
  ['http://a:b'],
  ['http://'],
  ['http://@/x'],
  ['http://a@b@c/'],
  ['http://a:b@/'],
  ['http://ex%41mple.com'],
  ['http://ex%2fample.com'],
  ['http://exa mple.com'],
  ['http://münchen.de/ä'],
  ['http://faß.de'],
  ['http://日本語。jp'],
  ['http://ａｂｃ.com'],
  ['http://xn--mnchen-3ya.de'],
  ['http://a_b.c'],
  ['http://a..b'],
  ['http://.'],
  ['http://a.%'],
  ['foo://bar/baz'],
  ['foo://'],
  ['foo:///x'],
  ['foo:/x/../y'],
  ['foo:x'],
  ['foo://B%20A/'],
  ['foo://a b'],
  ['foo:/..//x'],
  ['foo://[::1]/'],
  ['a:?b'],
  ['1a:b'],
  ['x'],
  [' \thttp://a\n/b\r '],
  ['http://a/%zz%41'],
  ['http://a/?\'"<>`{}|'],
  ['http://a/\'"<>`{}|^'],
  ['http://a/#\'"<>`{}|^'],
  ['http://a/\ud800'],
  ['http://a?\u{1f600}'],
  ['non-special:opaque  ?q'],
  ['http://a/b/%2e%2E/c/.%2e/d/%2e'],
  ['http://user@'],
  ['http://:pass@h'],
  ['web+x:/.//a'],
  ['http://a:00080/'],
  ['http://1e2.com'],
  ['http://a.1'],
  ['http://0'],
  ['http://[::1'],
  ['http://[::1]x'],
  ['http://[v1.a]'],
  ['http://[1:2:3:4:5:6:7:8]'],
  ['http://[1:0:0:2:0:0:0:3]'],
  ['http://[::127.0.0.1.]'],
  ['http://[1::1.2.3.4]'],
  ['http://[1.2.3.4::]'],
  ['http://[0:0:0:0:0:0:0:0]'],
  ['file:?x', 'http://a'],
  ['file:#x'],
  ['file:\\\\x\\y'],
  ['file:|'],
  ['file:///C|/x'],
  ['c|/x', 'file:///d:/a'],
];

/** Every printable character in each place of a plain URL, and what is nearly plain: they are read without the standard's machine where that is safe. */
function nearlyPlain(): [string, string?][] {
  const chars = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n));
  const texts = [...chars, '.', '..', '%2e', '.%2E', '...', '%2ex', '/', '//', 'ü'].flatMap((text) => [
    ...[
      `http://a.b${text}`,
      `http://a${text}b/c`,
      `https://a:8443/${text}`,
      `https://a/b/${text}/c`,
      `http://a/x${text}y?z`,
    ],
    ...[`http://a?${text}`, `http://a/b?c=${text}&d#e`, `http://a/#${text}`, `http://a/b?c#d${text}e`],
  ]);
  const hosts = ['A.b', '1.2', '1.2.3.4', '0x7f.1', '256', '1.2.3.256', 'a.1', 'a.09', '-', 'a_b.', '.', 'a..b'];
  const ports = ['', ':', ':0', ':80', ':443', ':00080', ':65535', ':65536', ':99999', ':100000', ':8x', ':80@a'];
  for (const host of hosts) for (const port of ports) texts.push(`http://${host}${port}`, `https://${host}${port}/a?b`);
  return texts.flatMap((text): [string, string?][] => [[text], [text, 'http://x.y/z?q']]);
}

const PARTS = [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
];
const BASES = ['https://u:p@h.com:81/a/b?c#d', 'file:///x/y', 'mailto:x', 'foo://h/p', 'foo:/p'];
const VALUES = [
  '',
  'x',
  'http',
  'https:',
  'ftp',
  'foo',
  'h2:90',
  'h2:',
  '[::1]',
  '90',
  '99999',
  '8a',
  '/p q',
  '?q r',
  '#f g',
  'a@b',
  ':',
  'a/b',
  '\\x',
  '..',
  '//x/y',
  'a?b#c',
  'file',
];

const PARSE = `return event.cases.map(([input, base]) => {
  try { const url = base === undefined ? new URL(input) : new URL(input, base); return event.parts.map((part) => url[part]) } catch (error) { return error.code }
})`;
const SET = `return event.bases.map((base) => event.parts.filter((part) => part !== 'origin').map((part) => event.values.map((value) => {
  const url = new URL(base); try { url[part] = value } catch (error) { return error.code } return url.href;
})))`;
const PARAMS = `const url = new URL('http://a/?a=1&b=%20&a=2+3&c'); const p = url.searchParams; p.append('d', 'ü&=+'); p.delete('b'); p.set('a', 'x'); p.sort();
  const own = new URLSearchParams([['q', '1'], ['q', '2']]);
  return [url.href, [...p], own.getAll('q'), own.has('q', '2'), own.size, String(new URLSearchParams({ a: 'b c' })), String(new URLSearchParams('?x=%zz&&=y'))]`;

async function same(body: string, event: unknown): Promise<void> {
  const expected = JSON.parse(JSON.stringify(new Function('event', body)(event))) as unknown;
  expect(resultOf(await box.run(body, event))).toEqual(expected);
}

test('what is parsed, and what is none', () => same(PARSE, { cases: CASES, parts: PARTS }));
test('what is plain, and nearly', () => same(PARSE, { cases: nearlyPlain(), parts: PARTS }));
test('setters', () => same(SET, { bases: BASES, parts: PARTS, values: VALUES }));
test('search params', () => same(PARAMS, {}));
