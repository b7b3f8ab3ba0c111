/** The departures board: a small HTTP server that takes departures from the handler and shows them, as a page and as JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, type Receiver, refuse, send, sentFrom, startReceiver } from '../receiver.ts';
import type { Departure } from './handler.ts';
import type { Ledger } from './ledger.ts';

export function startBoard(ledger: Ledger): Promise<Receiver> {
  return startReceiver((request, response) => answer(ledger, request, response));
}

async function answer(ledger: Ledger, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://board');
  if (request.method === 'POST' && pathname === '/departures') return take(ledger, request, response);
  const airport = ledger.airports.get(pathname.slice(1).toUpperCase());
  if (pathname === '/tally.json') return send(response, 'application/json', JSON.stringify(ledger.tally()));
  if (airport !== undefined) return send(response, 'text/plain', `${airport.lines.join('\n')}\n`);
  if (pathname === '/') return send(response, 'text/html', page(ledger));
  refuse(response, 404, 'no such airport\n');
}

async function take(ledger: Ledger, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const departures = JSON.parse(await bodyOf(request)) as Departure[];
  const { shard, epoch } = sentFrom(request);
  if (!ledger.admits(shard, epoch)) return refuse(response, 409, 'another worker has this shard by now');
  send(response, 'application/json', JSON.stringify(ledger.take(departures)));
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
