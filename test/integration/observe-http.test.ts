import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HTTP_DEFAULT } from '../../src/limits.ts';
import { type HttpEndpoint, type HttpOptions, startHttp } from '../../src/observe/http.ts';
import { type Log, silentLog } from '../../src/observe/log.ts';
import { createMetrics } from '../../src/observe/metrics.ts';

const open: HttpEndpoint[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((endpoint) => endpoint.close()));
});

async function start(target: string | undefined, options: Partial<HttpOptions> = {}): Promise<HttpEndpoint> {
  const base = { metrics: createMetrics(), ready: () => ({ ok: true, reasons: [] }), log: silentLog };
  const endpoint = await startHttp({ ...base, target, ...options });
  open.push(endpoint);
  return endpoint;
}

const get = (endpoint: HttpEndpoint, path: string, init?: RequestInit) =>
  fetch(`http://${endpoint.address}${path}`, init);

describe('the HTTP endpoint', () => {
  it('answers /livez, /readyz and /metrics, and says what else there is not', async () => {
    const endpoint = await start('127.0.0.1:0');
    expect(endpoint.address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    const live = await get(endpoint, '/livez');
    expect([live.status, await live.text()]).toEqual([200, 'ok\n']);
    const ready = await get(endpoint, '/readyz?verbose');
    expect([ready.status, await ready.json()]).toEqual([200, { ok: true, reasons: [] }]);
    const metrics = await get(endpoint, '/metrics');
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toContain('# TYPE millrace_lag_records gauge');
    expect((await get(endpoint, '/')).status).toBe(404);
    expect((await get(endpoint, '/livez', { method: 'POST' })).status).toBe(405);
    expect((await get(endpoint, '/livez', { method: 'HEAD' })).status).toBe(200);
  });

  it('gives the reasons while it is not ready', async () => {
    const state = { ok: false, reasons: ['config-conflict: mapping clicks'] };
    const endpoint = await start('127.0.0.1:0', { ready: () => state });
    const response = await get(endpoint, '/readyz');
    expect([response.status, await response.json()]).toEqual([503, state]);
  });

  it('answers 500 and goes on when the metrics cannot be read', async () => {
    const metrics = { contentType: 'text/plain', text: () => Promise.reject(new Error('no')) };
    const endpoint = await start('127.0.0.1:0', { metrics });
    expect((await get(endpoint, '/metrics')).status).toBe(500);
    expect((await get(endpoint, '/livez')).status).toBe(200);
  });

  it('falls to another port only when none was set, and says so', async () => {
    const warnings: unknown[] = [];
    const log: Log = { ...silentLog, warn: (fields) => void warnings.push(fields) };
    // Whether the default port is free here or not, the second endpoint finds it taken.
    const first = await start(undefined);
    const second = await start(undefined, { log });
    expect(second.address).not.toBe(HTTP_DEFAULT);
    expect(second.address).not.toBe(first.address);
    expect(warnings).toEqual([{ wanted: HTTP_DEFAULT, http: second.address }]);
    expect((await get(second, '/livez')).status).toBe(200);
  });

  it('refuses a set address that is taken, or that is none', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    await expect(start(`127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'http-taken', exitCode: 2 });
    taken.close();
    for (const text of ['9464', 'host:', ':1', 'a:99999', '']) {
      await expect(start(text)).rejects.toMatchObject({ code: 'http-address', exitCode: 1 });
    }
  });

  it('is off when it is told to', async () => {
    expect((await start('off')).address).toBeNull();
  });

  it('closes at once, also with a connection that is kept alive', async () => {
    const endpoint = await start('127.0.0.1:0');
    await (await get(endpoint, '/livez')).text();
    open.pop();
    await endpoint.close();
    await expect(get(endpoint, '/livez')).rejects.toThrow();
  });
});
