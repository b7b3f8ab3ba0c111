/** The departures board: a small HTTP server that takes departures from the handler and shows them, as a page and as JSON. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Departure } from './handler.ts';
import type { Ledger } from './ledger.ts';

export interface Board {
  /** HOST:PORT */
  readonly address: string;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 6 * 1024 * 1024;

export async function startBoard(ledger: Ledger): Promise<Board> {
  const server = createServer((request, response) => {
    answer(ledger, request, response).catch((error: unknown) => {
      response
        .writeHead(400, { 'content-type': 'text/plain' })
        .end(error instanceof Error ? error.message : String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(ledger: Ledger, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://board');
  if (request.method === 'POST' && pathname === '/departures') return take(ledger, request, response);
  const airport = ledger.airports.get(pathname.slice(1).toUpperCase());
  if (pathname === '/tally.json') return send(response, 'application/json', JSON.stringify(ledger.tally()));
  if (airport !== undefined) return send(response, 'text/plain', `${airport.lines.join('\n')}\n`);
  if (pathname === '/') return send(response, 'text/html', page(ledger));
  response.writeHead(404, { 'content-type': 'text/plain' }).end('no such airport\n');
}

async function take(ledger: Ledger, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const departures = JSON.parse(await bodyOf(request)) as Departure[];
  const shard = `${headerOf(request, 'x-millrace-mapping')}/${headerOf(request, 'x-millrace-shard')}`;
  if (!ledger.admits(shard, headerOf(request, 'x-millrace-epoch'))) {
    response.writeHead(409, { 'content-type': 'text/plain' }).end('another worker has this shard by now');
    return;
  }
  send(response, 'application/json', JSON.stringify(ledger.take(departures)));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  if (typeof value !== 'string') throw new Error(`the request has no ${name}: the board is for Millrace's handlers`);
  return value;
}

function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
}

function page(ledger: Ledger): string {
  const { airports, departures, missing, doubled, outOfOrder } = ledger.tally();
  const busiest = [...ledger.airports.values()].sort((a, b) => b.lines.length - a.lines.length).slice(0, 40);
  const rows = busiest.map(
    ({ name, lines }) =>
      `<tr><td><a href="/${name}">${escape(name)}</a><td>${lines.length}<td>${escape(lines.at(-1) ?? '')}`,
  );
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Departures</title>
<style>body{background:#111;color:#fc3;font:16px/1.5 ui-monospace,monospace;margin:2em}td{padding:0 1.5em 0 0}a{color:inherit}</style>
<h1>Departures</h1>
<p>${departures} flights from ${airports} airports; out of order ${outOfOrder}, doubled ${doubled}, missing ${escape(missing.join(', ') || 'none')}</p>
<table><tr><th>airport<th>flights<th>latest${rows.join('')}</table>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
