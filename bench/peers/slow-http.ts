/** Answers each request after 5 ms: what a handler waits for. Says `ready <port>`. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const AFTER_MS = 5;

const server = createServer((_, response) => setTimeout(() => response.end('ok'), AFTER_MS));
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`));
