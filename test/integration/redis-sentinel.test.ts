/** A Redis behind Sentinels: daemons and commands find the primary, and go on at the next one by themselves. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configDir, eventually, startTestDaemon, TEST_CACHE, type TestDaemon } from '../support/daemon.ts';
import { MILLRACE, run } from '../support/run.ts';
import { type SentinelGroup, startSentinels } from '../support/sentinels.ts';

const PASSWORDS = { server: 'hush-of-the-server', sentinel: 'hush-of-the-sentinel' };
const env = { MILLRACE_CACHE: TEST_CACHE };
const EACH = 20;
/** A Sentinel needs a second to find out, three to agree, and the rest is a machine that is full. */
const WITHIN_MS = 30_000;

let dir = '';
let group: SentinelGroup | undefined;
let client: Redis | undefined;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'millrace-sentinel-'));
  group = await startSentinels({ dir, passwords: PASSWORDS });
  client = await group.connect();
}, 60_000);

afterAll(async () => {
  client?.disconnect();
  await group?.close();
  await rm(dir, { recursive: true, force: true });
});

const HANDLER = `export const handler = async (event) => ({
  output: event.Records.map(({ kinesis }) => ({ partitionKey: 'k', data: Buffer.from(kinesis.data, 'base64').toString() })),
});`;

async function configFor(url: string): Promise<string> {
  const config = {
    redis: url,
    functions: { f: { code: 'f.mjs', handler: 'handler', timeout: 5 } },
    mappings: {
      m: {
        ...{ function: 'f', startingPosition: 'TRIM_HORIZON', batchSize: 5 },
        source: { type: 'redis-stream', stream: 's' },
        output: { type: 'redis-stream', stream: 'done' },
      },
    },
  };
  const at = await configDir({ 'millrace.yaml': stringify(config), 'f.mjs': HANDLER });
  return path.join(at, 'millrace.yaml');
}

/** Puts the numbers from `from` on, and waits until the function has had them. */
async function through(from: number): Promise<void> {
  for (let n = from; n < from + EACH; n++) await client!.xadd('s', '*', 'data', String(n));
  const done = (found: readonly number[]): boolean => found.length >= from + EACH;
  await eventually(numbers, done, { withinMs: WITHIN_MS, what: `${from + EACH} outputs` });
}

async function numbers(): Promise<number[]> {
  const entries = await client!.xrange('done', '-', '+');
  return entries.map(([, fields]) => Number(fields[fields.indexOf('data') + 1]));
}

/** The replica has all that was written before. */
async function replicated(): Promise<void> {
  await client!.set('mark', '1');
  expect(await client!.wait(1, 10_000)).toBe(1);
}

const said = ({ lines }: TestDaemon): string => JSON.stringify(lines);

test(
  'goes on at the next primary, after a kill and after a change that was asked for',
  { timeout: 180_000 },
  async () => {
    const config = await configFor(group!.url);
    const daemon = startTestDaemon({ config, env });
    await daemon.ready;
    await through(0);
    await replicated();
    const killed = await group!.killPrimary();
    await through(EACH);
    await group!.revive(killed);
    await replicated();
    await group!.switchOver();
    await through(2 * EACH);
    expect(await numbers()).toEqual(Array.from({ length: 3 * EACH }, (_, n) => n));
    const status = await run(MILLRACE, ['status', '-c', config, '--json'], { env });
    expect([status.code, status.stderr]).toEqual([0, '']);
    expect(JSON.parse(status.stdout)).toMatchObject({ mappings: [{ name: 'm', shards: [{ lag: 0 }] }] });
    expect(daemon.lines.filter(({ msg }) => msg === 'ready')).toHaveLength(1);
    for (const password of Object.values(PASSWORDS)) expect(said(daemon)).not.toContain(password);
    expect(await daemon.stop()).toBe(0);
  },
);

test(
  'a name that no Sentinel knows, and Sentinels that are away, are told; no password is',
  { timeout: 60_000 },
  async () => {
    const { url } = group!;
    const status = async (to: string) => await run(MILLRACE, ['status', '-c', await configFor(to)], { env });
    const [unknown, away, wrong] = await Promise.all([
      status(url.replace(/#.*/, '#other')),
      status(
        `redis-sentinel://:${PASSWORDS.server}@127.0.0.1:1,127.0.0.1:2/0?sentinelPassword=${PASSWORDS.sentinel}#main`,
      ),
      status(url.replace(`sentinelPassword=${PASSWORDS.sentinel}`, 'sentinelPassword=guessed')),
    ]);
    expect([unknown.code, away.code, wrong.code]).toEqual([2, 2, 2]);
    expect(unknown.stderr).toContain('No such master with that name');
    expect(away.stderr).toContain('failed to connect to sentinel 127.0.0.1:2');
    expect(wrong.stderr).toContain('failed to connect to sentinel');
    for (const { stderr } of [unknown, away, wrong]) expect(stderr).not.toMatch(/hush|guessed|\n\s+at /);
  },
);
