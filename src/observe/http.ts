/** The HTTP endpoint of a daemon: /livez, /readyz, /metrics (contract.md, "Running it"). */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { MillraceError } from '../errors.ts';
import { HTTP_CONNECTIONS_MAX, HTTP_DEFAULT, HTTP_PORTS_TRIED, HTTP_REQUEST_TIMEOUT_MS } from '../limits.ts';
import type { Log } from './log.ts';

export interface Readiness {
  readonly ok: boolean;
  /** Why not, in words of contract.md where it has them (`config-conflict`). */
  readonly reasons: readonly string[];
}

export interface HttpOptions {
  /** HOST:PORT as the user wrote it; unset: the default, or the next free port; 'off': none. */
  readonly target: string | undefined;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly ready: () => Readiness;
  readonly log: Log;
}

export interface HttpEndpoint {
  /** HOST:PORT that is listened on; null when it is off. */
  readonly address: string | null;
  close(): Promise<void>;
}

/** @throws MillraceError `http-address` (malformed), `http-taken` (a set address that is taken or not ours) */
export async function startHttp(options: HttpOptions): Promise<HttpEndpoint> {
  if (options.target === 'off') return { address: null, close: () => Promise.resolve() };
  const { host, port } = parseAddress(options.target ?? HTTP_DEFAULT);
  const server = http.createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.error({ err: error, url: request.url }, 'HTTP request failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  server.requestTimeout = HTTP_REQUEST_TIMEOUT_MS;
  server.headersTimeout = HTTP_REQUEST_TIMEOUT_MS;
  const listening =
    options.target === undefined ? await listenNear(server, host, port) : await listen(server, host, port);
  if (listening instanceof Error) {
    throw new MillraceError('http-taken', `cannot listen on ${host}:${port}: ${reasonOf(listening)}`, {
      hint: 'choose another address with --http HOST:PORT (port 0: any free one), or --http off',
      cause: listening,
    });
  }
  if (options.target === undefined && listening !== port) {
    options.log.warn(
      { wanted: `${host}:${port}`, http: `${host}:${listening}` },
      'the default HTTP port is taken: using the next free one',
    );
  }
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${listening}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The port, or why not. */
async function listen(server: http.Server, host: string, port: number): Promise<number | NodeJS.ErrnoException> {
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

async function listenNear(server: http.Server, host: string, first: number): Promise<number | NodeJS.ErrnoException> {
  let result = await listen(server, host, first);
  for (let port = first + 1; result instanceof Error && port <= first + HTTP_PORTS_TRIED; port++) {
    if (result.code !== 'EADDRINUSE' && result.code !== 'EACCES') return result;
    // Many daemons on one host: in the end any port will do.
    result = await listen(server, host, port < first + HTTP_PORTS_TRIED ? port : 0);
  }
  return result;
}

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new MillraceError('http-address', `"${text}" is not an address to listen on`, {
      hint: 'write HOST:PORT, as 127.0.0.1:9464, or off',
    });
  }
  return { host: match[1] ?? match[2]!, port };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is taken';
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return 'the host is none of this machine';
  if (error.code === 'EACCES') return 'permission denied';
  return error.message;
}

async function answer(
  options: HttpOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
  } else if (path === '/livez') {
    send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
  } else if (path === '/readyz') {
    const { ok, reasons } = options.ready();
    send(response, ok ? 200 : 503, 'application/json', `${JSON.stringify({ ok, reasons })}\n`);
  } else if (path === '/metrics') {
    send(response, 200, options.metrics.contentType, await options.metrics.text());
  } else {
    send(response, 404, 'text/plain; charset=utf-8', 'here are /livez, /readyz and /metrics\n');
  }
}

function send(response: http.ServerResponse, status: number, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.length,
    'cache-control': 'no-store',
  });
  response.end(bytes);
}
