/** A small HTTP server that takes what handlers send: the place outside where an example's results are. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Receiver {
  /** HOST:PORT */
  readonly address: string;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 6 * 1024 * 1024;

/** An answer that throws is a 400 with the error's sentence. */
export async function startReceiver(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Receiver> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
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

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Which shard the request is for, and under which epoch: Millrace adds both to every request of a handler. */
export function sentFrom(request: IncomingMessage): { shard: string; epoch: string } {
  const shard = `${headerOf(request, 'x-millrace-mapping')}/${headerOf(request, 'x-millrace-shard')}`;
  return { shard, epoch: headerOf(request, 'x-millrace-epoch') };
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  if (typeof value !== 'string') throw new Error(`the request has no ${name}: this server is for Millrace's handlers`);
  return value;
}

export function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
}

export function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
}

/** The highest epoch that was heard of each shard. */
export class Epochs {
  private readonly newest = new Map<string, bigint>();

  /** False when a later owner of the shard has been heard already (P7): nothing of the request may count. */
  admits(shard: string, epoch: string): boolean {
    const current = BigInt(epoch);
    if (current < (this.newest.get(shard) ?? 0n)) return false;
    this.newest.set(shard, current);
    return true;
  }
}
