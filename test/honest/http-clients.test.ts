/** HTTP clients from npm over the gateway: what reaches a real server, and what comes back. */
import { describe, expect, test } from 'vitest';
import { sequence, useExamples } from '../support/example-handlers.ts';
import { useHttpServer } from '../support/http-server.ts';

/** Stores what is put; the partition key or the body says how it answers: `busy` is 503 at first, `bad` 422. */
const server = useHttpServer(({ method, path, body }) => {
  const headers = { 'content-type': 'application/json' };
  const tries = server.asked.filter((one) => one.path === path).length;
  if (body.includes('busy') && tries < 3) return { status: 503, headers };
  if (body.includes('bad')) return { status: 422, headers, body: '{"wrong":"body"}' };
  return {
    status: 201,
    headers,
    body: JSON.stringify({ stored: `${method} ${path.split('?')[0]!.split('/').at(-1)}` }),
  };
});
const examples = useExamples();
const open = (file: string, allow = [server.host]) => examples.open(file, { allow, environment: { API: server.url } });
const path = (n: number) => `/items/${sequence(n)}`;

describe('axios', () => {
  test('sends JSON with its own headers, interceptors and parameters', async () => {
    const { run } = await open('axios.ts');
    const { result, logs } = await run({ name: 'zoë' });
    expect(result).toEqual({ batchItemFailures: [] });
    expect(logs).toEqual([`201 PUT ${sequence(0)}`]);
    expect(server.asked[0]).toMatchObject({
      method: 'PUT',
      path: `${path(0)}?key=k`,
      headers: { 'content-type': 'application/json', 'x-client': 'axios', 'x-sent': 'yes', 'x-millrace-mapping': 'm' },
    });
    expect(JSON.parse(server.asked[0]!.body.toString())).toEqual({ name: 'zoë' });
    expect(await run({})).toMatchObject({ cold: false });
  });

  test('turns a refusal of the server into its own error', async () => {
    const { run } = await open('axios.ts');
    const { result, logs } = await run({ name: 'bad' });
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: sequence(0) }] });
    expect(logs).toEqual(['ERR_BAD_REQUEST 422']);
  });
});

describe('ky', () => {
  test('retries what is busy, and reads JSON', async () => {
    const { run } = await open('ky.mjs');
    const { result, logs } = await run({ name: 'busy' });
    expect(result).toEqual({ batchItemFailures: [] });
    expect(logs).toEqual(['retry 1', 'retry 2', `{"stored":"PUT ${sequence(0)}"}`]);
    expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(Array(3).fill(`PUT ${path(0)}`));
    expect(await run({})).toMatchObject({ cold: false });
  });

  test('turns a refusal of the server into its own error', async () => {
    const { run } = await open('ky.mjs');
    const { result, logs } = await run({ name: 'bad' });
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: sequence(0) }] });
    expect(logs[0]).toContain('status code 422');
  });
});

describe('undici', () => {
  test('sends bytes, and reads what comes', async () => {
    const { run } = await open('undici.ts');
    const { result, logs } = await run(Buffer.from([0, 255, 1]));
    expect(result).toEqual({ batchItemFailures: [] });
    expect(logs).toEqual([`201 application/json {"stored":"PUT ${sequence(0)}"}`]);
    expect(server.asked[0]).toMatchObject({ method: 'PUT', path: path(0), headers: { 'x-key': 'k' } });
    expect([...server.asked[0]!.body]).toEqual([0, 255, 1]);
    expect(await run('again')).toMatchObject({ cold: false });
  });

  test('names the record that the server refuses', async () => {
    const { run } = await open('undici.ts');
    expect((await run('good', 'bad', 'good')).result).toEqual({ batchItemFailures: [{ itemIdentifier: sequence(1) }] });
  });
});

test.for(['axios.ts', 'ky.mjs', 'undici.ts'])('%s reaches no host that is not listed', async (file) => {
  const { attempt } = await open(file, ['example.com:443']);
  const { outcome } = await attempt({ name: 'x' });
  if (outcome.kind !== 'function-error') throw new Error(`expected a failure, got ${JSON.stringify(outcome)}`);
  expect(outcome.error.trace.join('\n')).toContain(`127.0.0.1 is not in network.allow: add "${server.host}"`);
  expect(outcome).toMatchObject({ kind: 'function-error', metric: 'error' });
  expect(server.asked).toEqual([]);
});
