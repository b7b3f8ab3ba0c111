/** A local HTTP server for the tests of a file, listed for handlers by its literal address; what it was asked is kept. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach } from 'vitest';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface HttpServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** `127.0.0.1:port`, as network.allow has it. */
  readonly host: string;
  /** Since the test began. */
  readonly asked: Asked[];
}

export function useHttpServer(answer: (request: Asked) => Reply | Promise<Reply>): HttpServer {
  let server: Server;
  let host = '';
  const asked: Asked[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const one = { method, path: url, headers, body: Buffer.concat(chunks) };
        asked.push(one);
        void (async () => {
          const { status, headers: extra = {}, body = '' } = await answer(one);
          response.writeHead(status, { ...extra, 'content-length': Buffer.byteLength(body) }).end(body);
        })().catch((error: Error) => response.destroy(error));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => void (asked.length = 0));
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    asked,
    get url() {
      return `http://${host}`;
    },
    get host() {
      return host;
    },
  };
}
