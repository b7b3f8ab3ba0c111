/** The gateway against real HTTP servers on this machine. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, createServer as createTcpServer } from 'node:net';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import type { EgressResult } from '../../src/sandbox/egress/port.ts';
import type { FetchRequestHead } from '../../src/sandbox/runtime/hooks.ts';
import type { FunctionVersion, InvocationContext, LeaseView } from '../../src/sandbox/types.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let seen: Seen[] = [];
let sockets = new Set<Socket>();
const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/ok': (_request, response) => void response.setHeader('Set-Cookie', ['a=1', 'b=2']).end('fine'),
  '/gzip': (_request, response) => void response.setHeader('Content-Encoding', 'gzip').end(gzipSync('squeezed')),
  '/br': (_request, response) => void response.setHeader('Content-Encoding', 'br').end(brotliCompressSync('squeezed')),
  '/deflate': (_request, response) =>
    void response.setHeader('Content-Encoding', 'deflate').end(deflateRawSync('squeezed')),
  '/bomb': (_request, response) =>
    void response.setHeader('Content-Encoding', 'gzip').end(gzipSync(Buffer.alloc(50 * 1024 * 1024))),
  '/not-gzip': (_request, response) => void response.setHeader('Content-Encoding', 'gzip').end('plain'),
  '/endless': (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  '/silent': () => undefined,
  '/wide': (_request, response) => void response.setHeader('X-Wide', 'x'.repeat(100_000)).end(),
  '/close': (_request, response) => void response.setHeader('Connection', 'close').end('bye'),
  '/to-ok': (_request, response) => void response.writeHead(302, { location: '/ok' }).end(),
  '/see-other': (_request, response) => void response.writeHead(303, { location: '/ok' }).end(),
  '/keep-method': (_request, response) => void response.writeHead(307, { location: '/ok' }).end(),
  '/inside': (_request, response) => void response.writeHead(302, { location: 'http://10.0.0.1/' }).end(),
  '/loop': (_request, response) => void response.writeHead(302, { location: '/loop' }).end(),
  '/to-file': (_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
};
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    seen.push({
      method: request.method!,
      url: request.url!,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    });
    (routes[request.url!.split('?')[0]!] ?? routes['/ok']!)(request, response);
  });
});
let port = 0;
let origin = '';

beforeAll(async () => {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  port = (server.address() as AddressInfo).port;
  origin = `http://127.0.0.1:${port}`;
});
const egress = createEgress({ resolve: (host) => Promise.resolve(host === 'board.test' ? ['127.0.0.1'] : []) });
beforeEach(() => {
  seen = [];
});
afterAll(() => {
  egress.close();
  server.closeAllConnections();
  server.close();
});

let hashes = 0;
const version = (allow: string[]) =>
  ({ hash: `v${++hashes}`, timeoutMs: 3000, networkAllow: allow }) as unknown as FunctionVersion;

interface Options {
  allow?: string[];
  of?: FunctionVersion;
  body?: string;
  lease?: LeaseView | null;
  signal?: AbortSignal;
  context?: InvocationContext;
}

function send(path: string, head: Partial<FetchRequestHead> = {}, options: Options = {}): Promise<EgressResult> {
  const url = path.startsWith('/') ? origin + path : path;
  return egress(
    {
      head: { method: 'GET', headers: [], redirect: 'follow', url, ...head },
      body: options.body === undefined ? null : Buffer.from(options.body),
    },
    {
      version: options.of ?? version(options.allow ?? [`127.0.0.1:${port}`]),
      context: options.context ?? { requestId: 'r' },
      lease: options.lease ?? null,
      signal: options.signal ?? new AbortController().signal,
    },
  );
}

function answered(result: EgressResult): Extract<EgressResult, { ok: true }> {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result;
}

function errorOf(result: EgressResult): { code: string; message: string } {
  if (result.ok) throw new Error(`expected an error, got ${result.head.status}`);
  return result.error;
}

describe('a request', () => {
  test('arrives as it was sent, and the answer comes back', async () => {
    const result = answered(await send('/ok?q=1', { method: 'POST', headers: [['X-Own', 'ü']] }, { body: '{"a":1}' }));
    expect(result.head).toMatchObject({ status: 200, statusText: 'OK', url: `${origin}/ok?q=1`, redirected: false });
    expect(result.head.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)).toEqual([
      'a=1',
      'b=2',
    ]);
    expect(result.body.toString()).toBe('fine');
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/ok?q=1', body: '{"a":1}' });
    expect(seen[0]!.headers).toMatchObject({
      host: `127.0.0.1:${port}`,
      'content-length': '7',
      'x-millrace-request-id': 'r',
    });
  });

  test('connections are used again, by the same version only', async () => {
    const of = version([`127.0.0.1:${port}`]);
    const before = sockets.size;
    for (let i = 0; i < 5; i++) answered(await send('/ok', {}, { of }));
    expect(sockets.size).toBe(before + 1);
    answered(await send('/ok'));
    expect(sockets.size).toBe(before + 2);
  });

  test('a connection that the server closed meanwhile is replaced, also for a POST', async () => {
    const of = version([`127.0.0.1:${port}`]);
    answered(await send('/close', {}, { of }));
    answered(await send('/ok', {}, { of }));
    const closed = Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of sockets) socket.destroy();
    await closed;
    answered(await send('/ok', { method: 'POST' }, { of, body: 'x' }));
  });

  test.each(['/gzip', '/br', '/deflate'])('%s is decoded', async (path) => {
    expect(answered(await send(path)).body.toString()).toBe('squeezed');
  });

  test('HEAD has no body', async () => {
    expect(answered(await send('/gzip', { method: 'HEAD' })).body.length).toBe(0);
  });
});

describe('refused before a packet leaves', () => {
  test('another port, another host, a name that leads to a private address', async () => {
    expect(errorOf(await send('/ok', {}, { allow: ['127.0.0.1:1'] }))).toMatchObject({ code: 'ERR_EGRESS_REFUSED' });
    const name = errorOf(await send(`http://board.test:${port}/ok`, {}, { allow: [`board.test:${port}`] }));
    expect(name.message).toContain(`add "127.0.0.1:${port}" to network.allow as well`);
    expect(seen).toEqual([]);
    answered(await send(`http://board.test:${port}/ok`, {}, { allow: [`board.test:${port}`, `127.0.0.1:${port}`] }));
    expect(seen[0]!.headers.host).toBe(`board.test:${port}`);
  });

  test.each<[string, Partial<FetchRequestHead>, string | undefined]>([
    ['a method that is none', { method: 'GET /x HTTP/1.1\r\nA: b\r\n\r\nGET' }, undefined],
    ['CONNECT', { method: 'CONNECT' }, undefined],
    ['a body with GET', {}, 'x'],
    ['a header with a line break', { headers: [['A', 'b\r\nX-Millrace-Epoch: 9']] }, undefined],
    ['a framing header', { method: 'POST', headers: [['Transfer-Encoding', 'chunked']] }, 'x'],
  ])('%s', async (_name, head, body) => {
    const error = errorOf(await send('/ok', head, body === undefined ? {} : { body }));
    expect(error.code).toBe('ERR_EGRESS_REFUSED');
    expect(seen).toEqual([]);
  });
});

describe('redirects', () => {
  test('are followed, with GET after 302 and 303, as they were after 307', async () => {
    const result = answered(
      await send('/to-ok', { method: 'POST', headers: [['Content-Type', 'a/b']] }, { body: 'x' }),
    );
    expect(result.head).toMatchObject({ url: `${origin}/ok`, redirected: true });
    expect(seen.map(({ method, body }) => [method, body])).toEqual([
      ['POST', 'x'],
      ['GET', ''],
    ]);
    expect(seen[1]!.headers['content-type']).toBeUndefined();
    seen = [];
    answered(await send('/keep-method', { method: 'PUT' }, { body: 'x' }));
    expect(seen.map(({ method, body }) => [method, body])).toEqual([
      ['PUT', 'x'],
      ['PUT', 'x'],
    ]);
  });

  test('each hop is checked anew, and there are five at most', async () => {
    expect(errorOf(await send('/inside')).message).toContain('10.0.0.1 is not in network.allow');
    expect(errorOf(await send('/to-file')).message).toContain('only http: and https:');
    seen = [];
    expect(errorOf(await send('/loop'))).toMatchObject({ code: 'ERR_EGRESS_LIMIT', message: 'more than 5 redirects' });
    expect(seen.length).toBe(6);
  });

  test('manual gives the redirect itself, error refuses it', async () => {
    expect(answered(await send('/to-ok', { redirect: 'manual' })).head.status).toBe(302);
    expect(errorOf(await send('/to-ok', { redirect: 'error' })).code).toBe('ERR_EGRESS_REFUSED');
  });
});

describe('the lease', () => {
  /** Connections that the server has and had not then. */
  const since = (before: ReadonlySet<Socket>) => [...sockets].filter((socket) => !before.has(socket));
  const lease = (confirm: () => Promise<boolean>, held: () => boolean): LeaseView => ({ epoch: '42', confirm, held });

  test('is confirmed, then looked at right before the write', async () => {
    const order: string[] = [];
    const kept = lease(
      async () => order.push('confirm') > 0,
      () => order.push('held') > 0,
    );
    const mapping = {
      name: 'm',
      shardId: 's',
      epoch: '42',
      attempt: 1,
      firstSequenceNumber: '1',
      lastSequenceNumber: '1',
    };
    answered(await send('/to-ok', {}, { lease: kept, context: { requestId: 'r', mapping } }));
    expect(order).toEqual(['confirm', 'held', 'confirm', 'held']);
    expect(seen[1]!.headers).toMatchObject({
      'x-millrace-epoch': '42',
      'x-millrace-mapping': 'm',
      'x-millrace-shard': 's',
    });
  });

  test.each<[string, LeaseView]>([
    [
      'Redis says no',
      lease(
        () => Promise.resolve(false),
        () => true,
      ),
    ],
    [
      'nobody can tell',
      lease(
        () => Promise.reject(new Error('away')),
        () => true,
      ),
    ],
    [
      'the local deadline passed',
      lease(
        () => Promise.resolve(true),
        () => false,
      ),
    ],
  ])('nothing is sent when %s, on a new connection and on one that is there', async (_name, lost) => {
    const of = version([`127.0.0.1:${port}`]);
    const before = new Set(sockets);
    expect(errorOf(await send('/ok', { method: 'POST' }, { of, lease: lost, body: 'x' })).code).toBe(
      'ERR_EGRESS_FENCED',
    );
    answered(await send('/ok', {}, { of }));
    expect(errorOf(await send('/ok', { method: 'POST' }, { of, lease: lost, body: 'x' })).code).toBe(
      'ERR_EGRESS_FENCED',
    );
    expect(seen.map(({ method }) => method)).toEqual(['GET']);
    await expect.poll(() => since(before).length, { message: 'connections that were opened for nothing' }).toBe(0);
  });

  test('a process that stood still behind the answer asks again and sends once, on a new connection and on one that is there', async () => {
    const of = version([`127.0.0.1:${port}`]);
    for (const path of ['/ok?new', '/ok?kept']) {
      const order: string[] = [];
      const late = lease(
        async () => order.push('confirm') > 0,
        () => order.push('held') > 2,
      );
      answered(await send(path, { method: 'POST' }, { of, lease: late, body: 'x' }));
      expect(order).toEqual(['confirm', 'held', 'confirm', 'held']);
    }
    expect(seen.map(({ url }) => url)).toEqual(['/ok?new', '/ok?kept']);
  });

  test('a connection that the server resets while the lease is asked for is an error of the request', async () => {
    const before = new Set(sockets);
    const cut = lease(
      async () => {
        await expect.poll(() => since(before).length).toBe(1);
        since(before)[0]!.resetAndDestroy();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return true;
      },
      () => true,
    );
    expect(errorOf(await send('/ok', {}, { lease: cut })).code).toBe('ERR_EGRESS_NETWORK');
    expect(seen).toEqual([]);
  });
});

describe('bounds', () => {
  test.each([
    ['/endless', /larger than 6291456 bytes/],
    ['/bomb', /larger than 6291456 bytes when decompressed/],
    ['/wide', /headers of the response are too large/],
  ])('%s ends', async (path, sentence) => {
    const error = errorOf(await send(path));
    expect(error.code).toBe('ERR_EGRESS_LIMIT');
    expect(error.message).toMatch(sentence);
  });

  test('at most so many requests at once, and in all', async () => {
    const context = { requestId: 'r' };
    const of = version([`127.0.0.1:${port}`]);
    const stop = new AbortController();
    const waiting = Array.from({ length: 64 }, () => send('/silent', {}, { of, context, signal: stop.signal }));
    expect(errorOf(await send('/ok', {}, { of, context }))).toMatchObject({ code: 'ERR_EGRESS_LIMIT' });
    stop.abort();
    for (const result of await Promise.all(waiting)) expect(errorOf(result).message).toBe('the request was cancelled');
    answered(await send('/ok', {}, { of, context }));
  });

  test('a cancelled request ends at once, before and after it was sent', async () => {
    expect(errorOf(await send('/ok', {}, { signal: AbortSignal.abort() })).code).toBe('ERR_EGRESS_NETWORK');
    const stop = new AbortController();
    const silent = send('/silent', {}, { signal: stop.signal });
    await expect.poll(() => seen.length).toBe(1);
    stop.abort();
    expect(errorOf(await silent).message).toBe('the request was cancelled');
  });
});

describe('what goes wrong out there', () => {
  test('is an error with a sentence', async () => {
    expect(errorOf(await send('/not-gzip')).message).toBe('the response is no valid gzip');
    const closed = createTcpServer((socket) => void socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const other = (closed.address() as AddressInfo).port;
    expect(errorOf(await send(`http://127.0.0.1:${other}/`, {}, { allow: [`127.0.0.1:${other}`] })).message).toMatch(
      /no response came/,
    );
    await new Promise((resolve) => closed.close(resolve));
    expect(errorOf(await send(`http://127.0.0.1:${other}/`, {}, { allow: [`127.0.0.1:${other}`] })).message).toMatch(
      /cannot be connected to \(ECONNREFUSED\)/,
    );
    expect(errorOf(await send('http://nowhere.test/', {}, { allow: ['nowhere.test:80'] })).message).toMatch(
      /could not be resolved/,
    );
  });
});
