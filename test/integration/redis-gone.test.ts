/** SIGTERM while Redis is dead or frozen, in each role, at work or at the start, and with a log that nobody reads: the end is bounded (I11). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { afterEach, expect, test } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { type RedisServer, startRedisServer } from '../../src/redis/server.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { MILLRACE } from '../support/run.ts';

const GRACE_S = 1;
/** Parts that are ended one after the other, and the last lines of the log; on a machine that is full. */
const BEYOND_MS = 6_000;
const env = { MILLRACE_CACHE: TEST_CACHE };
const ended: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function ownRedis(): Promise<{ server: RedisServer; client: Redis }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-gone-'));
  const server = await startRedisServer({ dir, appendfsync: 'no' });
  const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => null });
  client.on('error', () => undefined);
  ended.push(async () => {
    client.disconnect();
    server.kill('SIGKILL');
    await server.exited;
    await rm(dir, { recursive: true, force: true });
  });
  return { server, client };
}

async function configFor({ url }: RedisServer, handler: string): Promise<string> {
  const source = { type: 'redis-stream', stream: 's' };
  const config = {
    redis: url,
    functions: { f: { code: 'f.mjs', handler: 'handler', timeout: 5 } },
    mappings: { m: { function: 'f', source, startingPosition: 'TRIM_HORIZON' } },
  };
  const dir = await configDir({ 'millrace.yaml': stringify(config), 'f.mjs': handler });
  return path.join(dir, 'millrace.yaml');
}

/** Exit code, of one that was told to end; null: it went on. */
async function endOf(daemon: { readonly exited: Promise<{ code: number | null }> }): Promise<number | null> {
  const patience = new Promise<null>((resolve) => setTimeout(() => resolve(null), GRACE_S * 1_000 + BEYOND_MS));
  return await Promise.race([daemon.exited.then(({ code }) => code), patience]);
}

const GRACE = ['--grace', String(GRACE_S)];

test.for([
  ['SIGKILL', ['executor', 'poller', 'poller,executor']],
  ['SIGSTOP', ['poller,executor']],
] as const)('Redis got %s: %s end when their grace is over', async ([signal, roles]) => {
  const { server, client } = await ownRedis();
  const config = await configFor(server, 'export const handler = () => new Promise((r) => setTimeout(r, 4_000));');
  const daemons = roles.map((role) => startTestDaemon({ config, env, args: [...GRACE, '--role', role] }));
  await Promise.all(daemons.map(({ ready }) => ready));
  await client.xadd('s', '*', 'data', '1');
  server.kill(signal);
  for (const daemon of daemons) daemon.kill('SIGTERM');
  const codes = await Promise.all(daemons.map(endOf));
  // One that has nothing in flight may be done before the grace is over: there is one record, and it may have come too late for all.
  expect(codes.map((code) => (code === 0 ? 143 : code))).toEqual(roles.map(() => 143));
});

test('Redis comes back while a daemon drains: it ends long before its grace is over', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-gone-'));
  const first = await startRedisServer({ dir, appendfsync: 'always' });
  const config = await configFor(first, 'export const handler = () => undefined;');
  const daemon = startTestDaemon({ config, env, args: ['--grace', '60'] });
  await daemon.ready;
  first.kill('SIGKILL');
  await first.exited;
  // From then on every connection is to be made again.
  await daemon.line((line) => line.msg === 'turn worker error', 'it noticed');
  daemon.kill('SIGTERM');
  await daemon.line((line) => line.msg === 'draining', 'it heard the signal');
  const second = await startRedisServer({ dir, port: first.port, appendfsync: 'always' });
  ended.push(async () => {
    await second.stop();
    await rm(dir, { recursive: true, force: true });
  });
  expect(await endOf(daemon)).toBe(0);
});

test('a start that waits for Redis ends as well, or is drained when Redis comes back', async () => {
  const { server, client } = await ownRedis();
  const config = await configFor(server, 'export const handler = () => undefined;');
  // Reads go on, so that the daemon gets as far as it can.
  await client.client('PAUSE', 60_000, 'WRITE');
  const inStart = async (count: number) => {
    const names = async () => String(await client.client('LIST')).match(/name=millrace:daemon /g)?.length ?? 0;
    await eventually(names, (n) => n === count, { what: 'the daemon is connected', withinMs: 20_000 });
  };
  const given = startTestDaemon({ config, env, args: GRACE });
  await inStart(1);
  given.kill('SIGTERM');
  expect(await endOf(given)).toBe(143);
  const patient = startTestDaemon({ config, env, args: ['--grace', '30'] });
  await inStart(1);
  patient.kill('SIGTERM');
  await patient.line((line) => line.msg === 'draining', 'it heard the signal');
  await client.client('UNPAUSE');
  expect(await endOf(patient)).toBe(0);
});

test('a log that nobody reads keeps no daemon from ending', async () => {
  const { server, client } = await ownRedis();
  // More than a pipe holds.
  const handler =
    "export const handler = async () => { for (let n = 0; n < 1_000; n++) console.log('x'.repeat(900)); };";
  const config = await configFor(server, handler);
  const child = spawn(MILLRACE, ['start', '-c', config, '--http', 'off', ...GRACE], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit').then(([code]) => ({ code: code as number | null }));
  ended.push(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await client.xadd('s', '*', 'data', '1');
  const settled = () => client.hget(new Keys('millrace').shard('m', 'shardId-000000000000'), 'n:succeeded');
  await eventually(settled, (n) => n === '1', { what: 'the record is settled', withinMs: 20_000 });
  child.kill('SIGTERM');
  expect(await endOf({ exited })).toBe(0);
});
