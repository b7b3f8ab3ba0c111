/** Many requests at once (70 of the list of hostile handlers), through the isolate, the wire and the gateway to a real server. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EGRESS_REQUESTS_MAX, EGRESS_ROOM_PER_INVOCATION_BYTES, FETCH_BYTES_IN_FLIGHT_MAX } from '../../src/limits.ts';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import { resultOf, useRuntime } from '../support/runtime.ts';

const MB = 1024 * 1024;
const BODY = Buffer.alloc(6 * MB, 'x');
const gateway = createEgress();
let held = 0;
let sending = 0;
let mostSending = 0;
const box = useRuntime(async (request, call) => {
  sending += request.body?.length ?? 0;
  mostSending = Math.max(mostSending, sending);
  const result = await gateway(request, call);
  sending -= request.body?.length ?? 0;
  held = Math.max(held, gateway.heldBytes());
  return result;
});
let received = 0;
const server = createServer((request, response) => {
  request
    .on('data', (chunk: Buffer) => (received += chunk.length))
    .on('end', () => response.end(request.method === 'GET' ? BODY : 'ok'));
});
let address = '';
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  gateway.close();
  server.closeAllConnections();
  server.close();
});

test('ten thousand are refused one by one, those beyond by the isolate', async () => {
  const code = `const all = await Promise.allSettled(Array.from({ length: ${EGRESS_REQUESTS_MAX - 50} }, () => fetch('http://10.0.0.1/')));
    for (let i = 0; i < 100; i++) all.push(...(await Promise.allSettled([fetch('http://10.0.0.1/')])));
    const counts = {}; for (const { reason } of all) counts[reason.cause.code] = (counts[reason.cause.code] ?? 0) + 1; return counts;`;
  expect(resultOf(await box.run(code, {}, { timeoutMs: 80_000, memorySizeMb: 256 }))).toEqual({
    ERR_EGRESS_REFUSED: EGRESS_REQUESTS_MAX,
    ERR_EGRESS_LIMIT: 50,
  });
}, 100_000);

test('large ones wait for each other, and all arrive: bodies out, and bodies in', async () => {
  const over = { timeoutMs: 80_000, memorySizeMb: 1024, networkAllow: [address] };
  const out = `const body = new Uint8Array(6e6); const sent = Array.from({ length: 12 }, () => fetch('http://${address}/', { method: 'POST', body }).then((r) => r.status));
    return Promise.all(sent)`;
  expect(resultOf(await box.run(out, {}, over))).toEqual(Array(12).fill(200));
  expect(received).toBe(12 * 6e6);
  expect(mostSending).toBeLessThanOrEqual(FETCH_BYTES_IN_FLIGHT_MAX);
  held = 0;
  const back = `return Promise.all(Array.from({ length: 12 }, () => fetch('http://${address}/').then(async (r) => (await r.arrayBuffer()).byteLength)))`;
  expect(resultOf(await box.run(back, {}, over))).toEqual(Array(12).fill(6 * MB));
  expect(held).toBeLessThanOrEqual(EGRESS_ROOM_PER_INVOCATION_BYTES);
  expect(held).toBeGreaterThan(6 * MB);
  await expect.poll(() => gateway.heldBytes()).toBe(0);
}, 200_000);
