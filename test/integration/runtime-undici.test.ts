/** What stands in for the package undici, beside the real one, against the same server; imported as a function imports it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadFunction } from '../../src/function/load.ts';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import { source } from '../support/functions.ts';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';

const egress = createEgress();
const box = useRuntime(egress);
const directory = mkdtempSync(path.join(tmpdir(), 'millrace-undici-'));
let origin = '';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/silent') return;
    if (request.url === '/moved') return void response.writeHead(302, { location: '/there' }).end();
    const { 'content-type': type, 'x-a': a } = request.headers;
    response
      .setHeader('x-twice', ['1', '2'])
      .setHeader('content-type', 'application/json')
      .setHeader('connection', 'close');
    const sent = { method: request.method, url: request.url, type: type?.replace(/boundary=.*/, ''), a };
    response.end(
      JSON.stringify({
        ...sent,
        body: Buffer.concat(chunks)
          .toString()
          .replace(/-{4,}.*\r\n/g, ''),
      }),
    );
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  egress.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

async function inBox(body: string): Promise<unknown> {
  const code = path.join(directory, `${Math.random().toString(36).slice(2)}.js`);
  writeFileSync(code, `import * as undici from 'undici';\nexport const handler = async (event) => { ${body} };\n`);
  const network = { allow: [origin.slice('http://'.length)] };
  const version = await loadFunction(source(code, { network }), directory);
  return resultOf(await box.invoke(version, { origin }));
}

const TELL = `const { origin } = event; const tell = async (promise) => { const { statusCode, headers, body } = await promise; return [statusCode, headers['x-twice'], headers['content-type'], headers.location, await body.text()] };
  const why = (promise) => promise.then(() => 'ok', (error) => [error.name, error.code]);`;
const CASES: Readonly<Record<string, string>> = {
  request: `return [await tell(undici.request(origin + '/a', { query: { d: [1, 2], e: 'x y' } })), await tell(undici.request(new URL(origin), { method: 'PUT', headers: ['x-a', '1', 'content-type', 'text/plain'], body: 'text' }))]`,
  bodies: `const send = async (body) => JSON.parse((await tell(undici.request(origin, { method: 'POST', body })))[4]).body;
    return [await send(Buffer.from('bytes')), await send(new Uint8Array([65])), await send(null)]`,
  'the body in its forms': `const get = async () => (await undici.request(origin)).body; const parts = []; for await (const part of await get()) parts.push(part);
    return [(await (await get()).json()).method, (await (await get()).arrayBuffer()).byteLength > 10, Buffer.concat(parts).length > 10, await (await get()).dump(), (await why((async () => { const body = await get(); await body.text(); return body.text() })())) === 'ok']`,
  'no redirect is followed': `return tell(undici.request(origin + '/moved'))`,
  'an abort and a timeout': `const stop = new AbortController(); setTimeout(() => stop.abort(), 20); return [(await why(undici.request(origin + '/silent', { signal: stop.signal })))[0], await why(undici.request(origin + '/silent', { headersTimeout: 50 }))]`,
  'fetch and its kin': `const response = await undici.fetch(origin, { method: 'POST', body: 'x', headers: new undici.Headers({ 'x-a': '2' }), dispatcher: new undici.Agent({ keepAliveTimeout: 10 }) }); return [response.status, response instanceof undici.Response, await response.json()]`,
  dispatchers: `const client = new undici.Client(origin); const pool = new undici.Pool(origin, { connections: 2 }); undici.setGlobalDispatcher(new undici.Agent({ connect: { timeout: 10 } })); const out = [await tell(client.request({ path: '/c', method: 'GET' })), await tell(pool.request({ path: '/p', method: 'GET' })),
    await tell(new undici.Agent().request({ origin, path: '/g', method: 'GET' })), undici.getGlobalDispatcher() instanceof undici.Dispatcher, await why((async () => undici.setGlobalDispatcher({}))())]; await client.close(); await pool.close(); return [...out, await why(client.request({ path: '/', method: 'GET' }))]`,
  errors: `const { errors } = undici; return [new errors.ConnectTimeoutError('x') instanceof errors.UndiciError, new errors.SocketError('x').code, new errors.RequestAbortedError('y').name, await why((async () => undici.request('ftp://x'))())]`,
};

test.each(Object.entries(CASES))('%s', async (_name, body) => {
  const real = `const undici = require('undici'); ${TELL}${body}`;
  expect(await inBox(TELL + body)).toEqual(await inNode(real, { origin }));
});

test('a body may be a stream of either kind, or a form', async () => {
  const body = `${TELL} const form = new undici.FormData(); form.append('a', '1'); const { Readable } = process.getBuiltinModule('stream'); const send = async (body) => JSON.parse((await tell(undici.request(origin, { method: 'POST', body })))[4]).body;
    return [await send(Readable.from(['a', 'b'])), await send(ReadableStream.from([Buffer.from('c')])), await send(form)]`;
  expect(await inBox(body)).toEqual(['ab', 'c', 'Content-Disposition: form-data; name="a"\r\n\r\n1\r\n']);
});

test('what needs a socket is refused with a sentence, what is not listed with its code', async () => {
  const result = await inBox(`
    const say = async (act) => { try { await act(); return 'ok' } catch (error) { return [error.code, error.message] } };
    return [await say(() => undici.stream(event.origin, {}, () => {})), await say(() => new undici.ProxyAgent('http://proxy')), await say(() => new undici.Agent().dispatch({}, {})), (await say(() => undici.request('http://127.0.0.2:1/')))[0]]`);
  const refused = (member: string) => [
    'ERR_MILLRACE_UNSUPPORTED',
    `undici: ${member} cannot be used: it has no sockets of its own in the sandbox: use fetch or request.`,
  ];
  expect(result).toEqual([refused('stream'), refused('ProxyAgent'), refused('dispatch()'), 'ERR_EGRESS_REFUSED']);
});
