/** Powertools for AWS Lambda, idempotency: deliveries that repeat charge nobody twice. What was done is kept by a real server. */
import { beforeEach, expect, test } from 'vitest';
import { useExamples } from '../support/example-handlers.ts';
import { useHttpServer } from '../support/http-server.ts';

const kept = new Map<string, string>();
let charges: string[] = [];
beforeEach(() => {
  kept.clear();
  charges = [];
});

const server = useHttpServer(({ method, path, headers, body }) => {
  if (path === '/charges') {
    const { id } = JSON.parse(body.toString()) as { id: string };
    if (id === 'broken') return { status: 500, body: 'not JSON' };
    charges.push(id);
    return { status: 200, body: JSON.stringify({ receipt: `r-${id}-${charges.length}` }) };
  }
  const there = kept.get(path);
  if (method === 'GET') return there === undefined ? { status: 404 } : { status: 200, body: there };
  if (method === 'DELETE') kept.delete(path);
  else if (headers['if-none-match'] === '*' && there !== undefined) return { status: 412 };
  else kept.set(path, body.toString());
  return { status: 204 };
});
const examples = useExamples();
const open = () =>
  examples.open('powertools-idempotency.ts', { allow: [server.host], environment: { SHOP: server.url } });
const order = (id: string) => ({ id, cents: 100 });

test('an order is charged once, however often it is delivered, in the same process or another', async () => {
  const { run } = await open();
  expect((await run(order('a'), order('b'))).result).toEqual(['r-a-1', 'r-b-2']);
  expect(await run(order('a'), order('b'), order('c'))).toMatchObject({
    cold: false,
    result: ['r-a-1', 'r-b-2', 'r-c-3'],
  });
  const elsewhere = await open();
  expect((await elsewhere.run(order('b'))).result).toEqual(['r-b-2']);
  expect(charges).toEqual(['a', 'b', 'c']);
  expect([...kept.values()].map((text) => (JSON.parse(text) as { status: string }).status)).toEqual(
    Array(3).fill('COMPLETED'),
  );
});

test('a charge that failed is not kept as done', async () => {
  const { attempt, run } = await open();
  expect((await attempt(order('broken'))).outcome).toMatchObject({
    kind: 'function-error',
    error: { errorType: 'SyntaxError' },
  });
  expect(kept.size).toBe(0);
  expect((await run(order('d'))).result).toEqual(['r-d-1']);
});
