/** Servers that mean harm to who fetches from them (67 and 70 of the list of hostile handlers): real ones, on this machine, in raw TCP. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import type { EgressResult } from '../../src/sandbox/egress/port.ts';
import type { FetchRequestHead } from '../../src/sandbox/runtime/hooks.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';
import { endlessly, type RawServer, rawServer } from '../support/raw-server.ts';

const REQUEST_MS = 1_500;
const names: Record<string, string[][]> = {};
const asked: string[] = [];
const resolve = (host: string): Promise<string[]> => {
  asked.push(host);
  const answers = names[host] ?? [[]];
  return Promise.resolve(answers.length > 1 ? answers.shift()! : answers[0]!);
};
const egress = createEgress({ requestMs: REQUEST_MS, resolve });
const servers: RawServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await expect.poll(() => egress.heldBytes()).toBe(0);
});
afterAll(() => egress.close());

async function serve(answer: (socket: Socket, nth: number) => void, address?: string, at?: number): Promise<RawServer> {
  const server = await rawServer(answer, address, at);
  servers.push(server);
  return server;
}

let hashes = 0;
const versionWith = (networkAllow: string[]): FunctionVersion =>
  ({ hash: `v${++hashes}`, name: `f${hashes}`, networkAllow }) as unknown as FunctionVersion;

async function send(
  url: string,
  version: FunctionVersion,
  head: Partial<FetchRequestHead> = {},
  body: Buffer | null = null,
): Promise<EgressResult> {
  const result = await egress(
    { head: { method: 'GET', headers: [], redirect: 'follow', url, ...head }, body },
    { version, context: { requestId: 'r' }, lease: null, signal: new AbortController().signal },
  );
  if (result.ok) result.release?.();
  return result;
}

/** One request to a server that answers with `text`. */
async function answerOf(text: string | Buffer, ends = false): Promise<EgressResult> {
  const { port } = await serve((socket) => {
    socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    if (ends) socket.end();
  });
  return send(`http://127.0.0.1:${port}/`, versionWith([`127.0.0.1:${port}`]));
}

const codeOf = (result: EgressResult): string => (result.ok ? `${result.head.status}` : result.error.code);
const OK = 'HTTP/1.1 200 OK\r\n';

describe('answers that can be read in two ways are none:', () => {
  test.each([
    ['a length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`],
    ['chunks and a length', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\nab\r\n0\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 2\r\nContent-Length: 5\r\n\r\nabcde`],
    ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nab`],
    ['a negative length', `${OK}Content-Length: -2\r\n\r\nab`],
    ['a length with a sign', `${OK}Content-Length: +2\r\n\r\nab`],
    ['a length beyond numbers', `${OK}Content-Length: 99999999999999999999999\r\n\r\nab`],
    ['bare line feeds', `HTTP/1.1 200 OK\nContent-Length: 2\n\nab`],
    ['a bare line feed in a header', `${OK}A: b\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nab`],
    ['a bare carriage return', `${OK}A: b\rC: d\r\nContent-Length: 2\r\n\r\nab`],
    ['a zero byte', `${OK}A: b\0c\r\nContent-Length: 2\r\n\r\nab`],
    ['a space before the colon', `${OK}Content-Length : 2\r\n\r\nab`],
    ['a folded header', `${OK}A: b\r\n c\r\nContent-Length: 2\r\n\r\nab`],
    ['a chunk beyond numbers', `${OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nab`],
    ['a chunk that is longer than it says', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n`],
    ['a length among the trailers', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nContent-Length: 9\r\n\r\n`],
    ['a status of two digits', `HTTP/1.1 99 X\r\nContent-Length: 0\r\n\r\n`],
    ['a status of letters', `HTTP/1.1 abc X\r\nContent-Length: 0\r\n\r\n`],
    ['another protocol', `SSH-2.0-OpenSSH_9\r\n`],
    ["Redis' protocol", `-ERR unknown command\r\n`],
    ['no protocol', `hello`],
    ['an upgrade that nobody asked for', `HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n`],
  ])('%s', async (_name, text) => {
    expect(codeOf(await answerOf(text, true))).toBe('ERR_EGRESS_NETWORK');
  });

  test('a connection that ends too early is an error, one that ends the body is not', async () => {
    expect(codeOf(await answerOf(`${OK}Content-Length: 20\r\n\r\nab`, true))).toBe('ERR_EGRESS_NETWORK');
    expect(codeOf(await answerOf(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`, true))).toBe(
      'ERR_EGRESS_NETWORK',
    );
    expect(codeOf(await answerOf(`${OK}\r\nab`, true))).toBe('200');
    expect(codeOf(await answerOf(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 2\r\n\r\nab`))).toBe(
      '200',
    );
  });
});

describe('answers without end or measure have one:', () => {
  test.each([
    ['10 MB of headers', `${OK}${'A: bbbbbbbbbbbbbbbbbbbb\r\n'.repeat(400_000)}\r\n`],
    ['one header of 10 MB', `${OK}A: ${'b'.repeat(1e7)}\r\n\r\n`],
    ['a reason of 10 MB', `HTTP/1.1 200 ${'b'.repeat(1e7)}\r\n\r\n`],
    [
      '10 MB of trailers',
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n${'A: bbbbbbbbbbbb\r\n'.repeat(600_000)}\r\n`,
    ],
    ['interim answers', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(2_000)],
    ['a length of 7 MB', `${OK}Content-Length: 7000000\r\n\r\n`],
    [
      'a chunk of 7 MB',
      Buffer.concat([Buffer.from(`${OK}Transfer-Encoding: chunked\r\n\r\n6acfc0\r\n`), Buffer.alloc(7e6)]),
    ],
  ])('%s', async (_name, text) => {
    expect(codeOf(await answerOf(text))).toBe('ERR_EGRESS_LIMIT');
  });

  test.each([
    ['a reason', 'HTTP/1.1 200 ', 'b'.repeat(65_536)],
    ['headers', OK, 'A: b\r\n'.repeat(10_000)],
    ['a body', `${OK}\r\n`, Buffer.alloc(65_536)],
    ['extensions of a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n2;`, 'x'.repeat(65_536)],
    ['interim answers', '', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(1_000)],
  ])('%s without end', async (_name, begin, piece) => {
    const { port } = await serve((socket) => {
      socket.write(begin);
      endlessly(socket, piece);
    });
    expect(codeOf(await send(`http://127.0.0.1:${port}/`, versionWith([`127.0.0.1:${port}`])))).toBe(
      'ERR_EGRESS_LIMIT',
    );
  });

  test.each([
    ['nothing', ''],
    ['half a head', `${OK}Content-`],
    ['a head', `${OK}Content-Length: 100\r\n\r\n`],
  ])('%s, and then a byte now and then: the request has a clock of its own', async (_name, begin) => {
    const { port } = await serve((socket) => {
      socket.write(begin);
      const drip = setInterval(() => begin !== '' && socket.write('x'), 100);
      socket.once('close', () => clearInterval(drip));
    });
    const result = await send(`http://127.0.0.1:${port}/`, versionWith([`127.0.0.1:${port}`]));
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'ERR_EGRESS_LIMIT', message: 'no whole answer came within 1.5 s' },
    });
  });

  const bomb = Buffer.alloc(64 * 1024 * 1024);
  test.each([
    ['gzip', gzipSync(bomb)],
    ['deflate', deflateSync(bomb)],
    ['br', brotliCompressSync(bomb)],
    ['zstd', zstdCompressSync(bomb)],
    ['gzip, gzip', gzipSync(gzipSync(bomb))],
    ['gzip, br, gzip', gzipSync(brotliCompressSync(gzipSync(bomb)))],
    ['gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync(bomb))))],
  ])('a bomb in %s', async (coding, body) => {
    const head = `${OK}Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(codeOf(await answerOf(Buffer.concat([Buffer.from(head), body])))).toBe('ERR_EGRESS_LIMIT');
  });
});

describe('a connection that is used again', () => {
  test('brings no second answer that came with the first', async () => {
    const forged = `${OK}Content-Length: 6\r\n\r\nforged`;
    const { port, connections } = await serve((socket, nth) => {
      if (nth === 1 && connections() === 1) socket.write(`${OK}Content-Length: 4\r\n\r\ntrue${forged}`);
      else socket.write(`${OK}Content-Length: 4\r\n\r\ntrue`);
    });
    const version = versionWith([`127.0.0.1:${port}`]);
    for (let i = 0; i < 3; i++) {
      const result = await send(`http://127.0.0.1:${port}/`, version);
      expect(result.ok && result.body.toString()).toBe('true');
    }
    expect(connections()).toBe(2);
  });

  test('is nobody else’s: not another version’s, nor of one whose list has changed', async () => {
    const { port, connections } = await serve((socket) => void socket.write(`${OK}Content-Length: 2\r\n\r\nok`));
    const url = `http://127.0.0.1:${port}/`;
    const first = versionWith([`127.0.0.1:${port}`]);
    expect(codeOf(await send(url, first))).toBe('200');
    expect(codeOf(await send(url, versionWith([`127.0.0.1:${port}`])))).toBe('200');
    expect(connections()).toBe(2);
    expect(codeOf(await send(url, versionWith(['127.0.0.1:1'])))).toBe('ERR_EGRESS_REFUSED');
    expect(connections()).toBe(2);
  });
});

describe('names that lead elsewhere the second time', () => {
  test('are checked at every connection, and only what was checked is connected to', async () => {
    const ok = (socket: Socket): void => void socket.end(`${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`);
    const listed = await serve(ok, '127.0.0.1');
    const inner = await serve(ok, '127.0.0.2', listed.port);
    names['rebind.test'] = [['127.0.0.1'], ['127.0.0.2'], ['::ffff:127.0.0.2'], ['127.0.0.2', '127.0.0.1']];
    const version = versionWith([`rebind.test:${listed.port}`, `127.0.0.1:${listed.port}`]);
    const url = `http://rebind.test:${listed.port}/`;
    asked.length = 0;
    expect(codeOf(await send(url, version))).toBe('200');
    expect(codeOf(await send(url, version))).toBe('ERR_EGRESS_REFUSED');
    expect(codeOf(await send(url, version))).toBe('ERR_EGRESS_REFUSED');
    expect(codeOf(await send(url, version))).toBe('200');
    expect(asked).toHaveLength(4);
    expect(inner.connections()).toBe(0);
    expect(listed.connections()).toBe(2);
  });

  test('are checked behind a redirect as well', async () => {
    names['inner.test'] = [['10.0.0.7']];
    const { port } = await serve(
      (socket) => void socket.write(`HTTP/1.1 302 F\r\nLocation: http://inner.test:8080/\r\nContent-Length: 0\r\n\r\n`),
    );
    const result = await send(`http://127.0.0.1:${port}/`, versionWith([`127.0.0.1:${port}`, 'inner.test:8080']));
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'ERR_EGRESS_REFUSED', message: expect.stringContaining('10.0.0.7') as string },
    });
  });
});

describe('redirects', () => {
  test.each([
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://2130706433/',
    '//10.0.0.1/',
    'file:///etc/passwd',
    'gopher://x/',
    'data:text/plain,x',
    'javascript:1',
    'ftp://x/',
    'http://u:p@127.0.0.1/',
    'http://',
    'http://127.0.0.1:6379/',
    'http://１０.0.0.1/',
    'http://0xa000001/',
  ])('to %s: refused', async (location) => {
    const { port } = await serve(
      (socket) =>
        void socket.write(Buffer.from(`HTTP/1.1 302 F\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)),
    );
    expect(codeOf(await send(`http://127.0.0.1:${port}/`, versionWith([`127.0.0.1:${port}`])))).toBe(
      'ERR_EGRESS_REFUSED',
    );
  });

  test('take no credentials to another origin, and no body where it becomes a GET', async () => {
    const second = await serve((socket) => void socket.write(`${OK}Content-Length: 2\r\n\r\nok`));
    const first = await serve(
      (socket) =>
        void socket.write(`HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:${second.port}/\r\nContent-Length: 0\r\n\r\n`),
    );
    const version = versionWith([`127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`]);
    const headers: [string, string][] = [
      ['Authorization', 'Bearer s3cret'],
      ['Cookie', 'id=s3cret'],
      ['X-Own', 'kept'],
    ];
    expect(
      codeOf(
        await send(`http://127.0.0.1:${first.port}/`, version, { method: 'POST', headers }, Buffer.from('body-s3cret')),
      ),
    ).toBe('200');
    expect(first.received()).toContain('Bearer s3cret');
    expect(second.received()).toMatch(/^GET \/ HTTP/);
    expect(second.received()).toContain('X-Own: kept');
    expect(second.received()).not.toContain('s3cret');
  });
});
