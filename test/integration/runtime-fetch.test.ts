/** fetch and what belongs to it, as a handler sees it; the gateway has tests of its own. */
import { describe, expect, test } from 'vitest';
import { resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const run = async (body: string, event: unknown = {}) => resultOf(await box.run(body, event));

describe('fetch', () => {
  test('sends what was said, and gives back what came', async () => {
    const result = await run(`
      const response = await fetch('https://a.example.com/x y?q#f', { method: 'post', body: JSON.stringify({ a: 'ü' }), headers: { 'X-A': ' b ' } });
      const copy = response.clone();
      return { status: response.status, text: response.statusText, ok: response.ok, url: response.url, type: response.headers.get('Content-Type'),
        cookies: response.headers.getSetCookie(), json: await response.json(), used: response.bodyUsed, again: (await copy.text()).length > 0 }`);
    expect(result).toEqual({
      status: 200,
      text: 'Said',
      ok: true,
      url: 'https://a.example.com/x%20y?q#f',
      type: 'application/json',
      cookies: ['a=1', 'b=2'],
      used: true,
      again: true,
      json: {
        method: 'POST',
        url: 'https://a.example.com/x%20y?q#f',
        redirect: 'follow',
        headers: [
          ['x-a', 'b'],
          ['content-type', 'text/plain;charset=UTF-8'],
        ],
        body: Buffer.from('{"a":"ü"}').toString('latin1'),
      },
    });
  });

  test.each<[string, string, string]>([
    ['text', `'ü'`, 'text/plain;charset=UTF-8'],
    ['bytes', `new Uint8Array([195, 188])`, ''],
    ['a buffer', `Buffer.from('ü')`, ''],
    ['an ArrayBuffer', `new Uint8Array([195, 188]).buffer`, ''],
    ['a blob', `new Blob(['ü'], { type: 'a/b' })`, 'a/b'],
    ['a stream', `ReadableStream.from([new Uint8Array([195]), new Uint8Array([188])])`, ''],
    [
      'a stream of its own making',
      `new ReadableStream({ pull(c) { c.enqueue(new TextEncoder().encode('ü')); c.close() } })`,
      '',
    ],
  ])('a body of %s', async (_name, body, type) => {
    const sent = (await run(
      `return (await fetch('http://a.b', { method: 'PUT', body: ${body}, duplex: 'half' })).json()`,
    )) as { body: string; headers: [string, string][] };
    expect(Buffer.from(sent.body, 'latin1').toString()).toBe('ü');
    expect(Object.fromEntries(sent.headers)['content-type'] ?? '').toBe(type);
  });

  test('forms', async () => {
    const result = (await run(`
      const form = new FormData(); form.append('a', '1'); form.append('f', new File(['x'], 'n"1.txt', { type: 'text/plain' }));
      return [(await (await fetch('http://a.b', { method: 'POST', body: form })).json()),
        (await (await fetch('http://a.b', { method: 'POST', body: new URLSearchParams({ a: '1 ü' }) })).json()).body]`)) as [
      { body: string; headers: string[][] },
      string,
    ];
    const boundary = /boundary=(.*)$/.exec(result[0].headers[0]![1]!)![1]!;
    expect(result[0].body).toBe(
      `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="n%221.txt"\r\nContent-Type: text/plain\r\n\r\nx\r\n--${boundary}--\r\n`,
    );
    expect(result[1]).toBe('a=1+%C3%BC');
  });

  test('fails as the standard says', async () => {
    const result = await run(`
      const say = (promise) => promise.then(() => 'ok', (e) => [e.name, e.message, e.cause?.code, e.cause?.message]);
      return [await say(fetch('http://a.b/fail')), await say(fetch('nonsense')), await say(fetch('http://a.b', { body: 'x' })),
        await say(fetch('http://a.b', { method: 'CONNECT' })), await say(fetch('http://a.b', { headers: { 'a b': 'c' } })),
        await say(fetch('http://a.b', { headers: { a: 'c\\r\\nd: e' } })), await say(fetch('http://a.b', { signal: AbortSignal.abort(new RangeError('mine')) }))]`);
    expect(result).toEqual([
      ['TypeError', 'fetch failed', 'ERR_EGRESS_REFUSED', 'not listed'],
      ['TypeError', expect.stringContaining('Failed to parse URL'), null, null],
      ['TypeError', expect.stringContaining('cannot have body'), null, null],
      ['TypeError', expect.stringContaining('unsupported'), null, null],
      ['TypeError', expect.stringContaining('invalid header name'), null, null],
      ['TypeError', expect.stringContaining('no header may have'), null, null],
      ['RangeError', 'mine', null, null],
    ]);
  });

  test('a body can be read as a stream, and once', async () => {
    const result = await run(`
      const response = await fetch('http://a.b/gone'); let bytes = 0;
      for await (const chunk of response.body) bytes += chunk.length;
      const twice = await response.text().catch((e) => e.message);
      const [a, b] = new Response('tee').body.tee();
      return [response.ok, bytes > 10, twice, await new Response(a).text(), await new Response(b).text(), await Response.json({ a: 1 }).json()]`);
    expect(result).toEqual([false, true, 'Body is unusable: Body has already been read', 'tee', 'tee', { a: 1 }]);
  });

  test('prototypes that the handler pollutes do not change what is sent', async () => {
    const sent = await run(`
      Array.prototype.map = Array.prototype.push = String.prototype.toUpperCase = String.prototype.toLowerCase = JSON.stringify = () => 'polluted';
      Array.prototype.toJSON = Object.prototype.toJSON = () => 'polluted'; Object.prototype.method = 'PUT';
      const response = await fetch('http://a.b/x', { method: 'post', headers: [['A', 'b']], body: 'c' });
      const text = await response.text();
      delete Array.prototype.toJSON; delete Object.prototype.toJSON; delete Object.prototype.method;
      return text`);
    expect(JSON.parse(sent as string)).toMatchObject({
      method: 'POST',
      url: 'http://a.b/x',
      headers: [
        ['a', 'b'],
        ['content-type', 'text/plain;charset=UTF-8'],
      ],
      body: 'c',
    });
  });
});
