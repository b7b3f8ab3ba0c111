/** node:http as a handler's packages use it: the same code in Node and in the isolate, against the same server, through the real gateway. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';

const egress = createEgress();
const box = useRuntime(egress);
let origin = '';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { pathname } = new URL(request.url!, 'http://server');
    if (pathname === '/silent') return;
    if (pathname === '/hang-up') return void request.socket.destroy();
    if (pathname === '/gzip')
      return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('squeezed'));
    if (pathname === '/br')
      return void response.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync('squeezed'));
    if (pathname === '/moved') return void response.writeHead(302, { location: '/there' }).end('moved');
    if (pathname === '/empty') return void response.writeHead(204).end();
    if (pathname === '/large') return void response.end(Buffer.alloc(300_000, 'x'));
    const { host, ...headers } = request.headers;
    for (const name of Object.keys(headers))
      if (/^(x-millrace|user-agent|accept|connection|accept-encoding)/.test(name)) delete headers[name];
    response.statusMessage = 'Very Fine';
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('X-Twice', ['1', '2']);
    response.setHeader('Content-Type', 'application/json');
    const body = Buffer.concat(chunks);
    const about = { method: request.method, url: request.url, host: host === undefined ? 'none' : 'given', headers };
    response.end(JSON.stringify({ ...about, body: body.toString(), bytes: body.length }));
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  egress.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const READ = `
  const http = require('node:http'); const origin = event.origin; const [hostname, port] = origin.split(':');
  const read = (res) => new Promise((resolve, reject) => { const all = []; res.on('data', (c) => all.push(c)); res.on('error', reject);
    res.on('end', () => resolve(Buffer.concat(all))) });
  const send = (act) => new Promise((resolve, reject) => { const req = act((res) => read(res).then((body) => resolve({ status: res.statusCode, message: res.statusMessage,
    cookies: res.headers['set-cookie'], twice: res.headers['x-twice'], type: res.headers['content-type'], location: res.headers.location,
    encoding: res.headers['content-encoding'], length: res.headers['content-length'], complete: res.complete, version: res.httpVersion,
    body: body.length > 1000 ? body.length : body.toString('latin1') }), reject)); req.on('error', reject) });
  const why = (promise) => promise.then(() => 'ok', (error) => [error.name, error.code, error.message]);`;

const CASES: Readonly<Record<string, string>> = {
  'get with a URL as text': `return send((done) => http.get('http://' + origin + '/a?b=c', done))`,
  'get with a URL object and options': `return send((done) => http.get(new URL('http://' + origin + '/a'), { headers: { 'X-A': ['1', '2'], 'x-b': 3 } }, done))`,
  'request with options alone': `return send((done) => { const req = http.request({ hostname, port, path: '/p?q', method: 'post', headers: { 'content-type': 'text/plain', 'Content-Length': 4 } }, done);
    req.write('ab'); req.end(Buffer.from('cd')); return req })`,
  'a body without a length': `return send((done) => { const req = http.request('http://' + origin, { method: 'PUT' }, done); delete req.x; req.write('ab'); req.end('cd'); return req })
    .then(({ body, length, ...rest }) => [JSON.parse(body).body, rest])`,
  'credentials of the URL': `return send((done) => http.get('http://us%20er:pass@' + origin + '/', done))`,
  'a stream as a body': `return send((done) => { const req = http.request('http://' + origin, { method: 'POST', headers: { 'content-length': 200000 } }, done);
    require('stream').Readable.from([Buffer.alloc(100000, 'a'), Buffer.alloc(100000, 'b')]).pipe(req); return req }).then(({ body, length, ...rest }) => rest)`,
  'no redirect is followed': `return send((done) => http.get('http://' + origin + '/moved', done))`,
  'an empty response': `return send((done) => http.get('http://' + origin + '/empty', done))`,
  'a large response, in pieces': `return send((done) => http.get('http://' + origin + '/large', done))`,
  HEAD: `return send((done) => http.request('http://' + origin + '/gzip', { method: 'HEAD' }, done).end())`,
  'what is encoded stays encoded': `return [await send((done) => http.get('http://' + origin + '/gzip', done)), await send((done) => http.get('http://' + origin + '/br', { headers: { 'accept-encoding': 'br' } }, done))]`,
  'text by an encoding': `return new Promise((resolve) => http.get('http://' + origin + '/x', (res) => { let text = ''; res.setEncoding('utf8'); res.on('data', (c) => { text += c }); res.on('end', () => resolve([typeof text, text.length > 50])) }))`,
  'a response that is iterated': `const res = await new Promise((resolve) => http.get('http://' + origin + '/large', resolve)); let n = 0; for await (const chunk of res) n += chunk.length; return n`,
  'headers before they are sent': `const req = http.request({ hostname, port, headers: { A: '1' } }); req.setHeader('B-b', ['x', 'y']); req.appendHeader('a', '2'); req.removeHeader('nothing');
    const seen = [req.getHeader('b-B'), req.hasHeader('A'), req.getHeaderNames(), { ...req.getHeaders(), host: 1 }, req.getRawHeaderNames(), req.method, req.path, req.protocol, req.host, req.headersSent];
    req.on('error', () => {}); req.destroy(); return seen`,
  'the server hangs up': `return why(send((done) => http.request('http://' + origin + '/hang-up', { method: 'POST' }, done).end('x'))).then(([name, code]) => name)`,
  'destroyed before an answer': `return why(send((done) => { const req = http.get('http://' + origin + '/silent', done); setTimeout(() => req.destroy(), 30); return req }))`,
  'destroyed with an error': `return why(send((done) => { const req = http.get('http://' + origin + '/silent', done); setTimeout(() => req.destroy(new RangeError('mine')), 30); return req }))`,
  'aborted by a signal': `const stop = new AbortController(); setTimeout(() => stop.abort(), 30); return why(send((done) => http.get('http://' + origin + '/silent', { signal: stop.signal }, done)))`,
  'a timeout is told, and the caller ends the request': `return why(send((done) => { const req = http.get('http://' + origin + '/silent', { timeout: 30 }, done); req.on('timeout', () => req.destroy(new Error('too slow'))); return req }))`,
  'a response that is left half-read': `return new Promise((resolve) => { const log = []; const req = http.get('http://' + origin + '/large', (res) => { res.on('aborted', () => log.push('aborted')); res.on('error', (e) => log.push(e.code));
    res.on('close', () => { log.push('res close'); setTimeout(() => resolve(log.sort()), 20) }); res.once('data', () => req.destroy()) }); req.on('error', (e) => log.push('req ' + e.code)) })`,
  'the order of events': `return new Promise((resolve) => { const log = []; const req = http.request('http://' + origin + '/', { method: 'POST' }, () => log.push('callback'));
    for (const name of ['socket', 'finish', 'response', 'close']) req.on(name, (arg) => { log.push(name); if (name === 'response') { arg.resume(); arg.on('end', () => log.push('end')) } if (name === 'close') resolve(log) }); req.end('x') })`,
  'expect: 100-continue': `return new Promise((resolve, reject) => { const log = []; const req = http.request('http://' + origin + '/', { method: 'PUT', headers: { Expect: '100-continue', 'content-length': 1 } });
    req.on('error', reject); req.on('continue', () => { log.push('continue'); req.end('x') }); req.on('response', (res) => { log.push(res.statusCode); res.resume(); res.on('end', () => resolve(log)) }) })`,
  'finished and pipeline': `const { pipeline, finished } = require('stream/promises'); const res = await new Promise((resolve) => http.get('http://' + origin + '/large', resolve)); let n = 0;
    await pipeline(res, async function* (source) { for await (const chunk of source) { n += chunk.length; yield chunk } }, new (require('stream').Writable)({ write(c, e, d) { d() } })); return [n, res.complete]`,
  agents: `const agent = new http.Agent({ keepAlive: true, maxSockets: 5 }); const made = await send((done) => http.get('http://' + origin + '/', { agent }, done)); agent.destroy();
    return [made.status, agent.maxSockets, agent.keepAlive, agent.protocol, agent.defaultPort, require('https').globalAgent.defaultPort, http.globalAgent instanceof http.Agent, require('https').globalAgent instanceof http.Agent]`,
  'what no request may be': `const say = (act) => { try { act(); return 'ok' } catch (error) { return [error.name, error.code, error.message] } };
    return [say(() => http.get('https://a.b/')), say(() => http.get({ path: '/a b' })), say(() => http.request({ method: 'A B' })), say(() => http.request({ headers: { 'a b': '1' } })),
      say(() => http.validateHeaderValue('a', 'x\\ny')), say(() => http.validateHeaderName('')), say(() => http.get('nonsense')).slice(0, 2)]`,
  words: `return [http.METHODS, http.STATUS_CODES]`,
};

test.each(Object.entries(CASES))('%s', async (_name, body) => {
  const event = { origin };
  const result = resultOf(await box.run(READ + body, event, { networkAllow: [origin] }));
  expect(result).toEqual(await inNode(READ + body, event));
});

describe('where it cannot be as in Node', () => {
  const run = async (body: string) => resultOf(await box.run(READ + body, { origin }, { networkAllow: [origin] }));

  test('what is not listed fails with the code of the refusal', async () => {
    expect(await run(`return why(send((done) => http.get('http://127.0.0.2:' + port + '/', done)))`)).toEqual([
      'Error',
      'ERR_EGRESS_REFUSED',
      expect.stringContaining('127.0.0.2') as string,
    ]);
  });

  test('framing that clients set by themselves does no harm; what means something else is refused', async () => {
    const result = await run(`
      const ask = (headers) => send((done) => http.request('http://' + origin, { method: 'POST', headers }, done).end('x')).then((r) => JSON.parse(r.body).bytes, (e) => e.code);
      return [await ask({ Connection: 'close', 'Keep-Alive': 'timeout=5', TE: 'trailers' }), await ask({ 'Transfer-Encoding': 'chunked' }), await ask({ Host: origin.toUpperCase() }),
        await ask({ 'Content-Length': '1' }), await ask({ Host: 'elsewhere.example' }), await ask({ Connection: 'Upgrade', Upgrade: 'websocket' }), await ask({ 'X-Millrace-Epoch': '1' })]`);
    expect(result).toEqual([1, 1, 1, 1, 'ERR_EGRESS_REFUSED', 'ERR_EGRESS_REFUSED', 'ERR_EGRESS_REFUSED']);
  });

  test.each([
    'http.createServer()',
    'new http.Server()',
    `http.request({ socketPath: '/x' })`,
    `require('https').request({ key: 'k' })`,
  ])('%s is refused with a sentence', async (code) => {
    expect(await run(`try { ${code}; return 'ok' } catch (error) { return [error.code, error.message] }`)).toEqual([
      'ERR_MILLRACE_UNSUPPORTED',
      expect.stringMatching(/^node:https?: .+ cannot be used: .+\.$/) as string,
    ]);
  });
});
