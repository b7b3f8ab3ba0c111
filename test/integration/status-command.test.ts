import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { showStatus, statusCommand, type StatusCommandOptions } from '../../src/commands/status.ts';
import type { Status } from '../../src/observe/status-types.ts';
import { BEFORE_ALL, shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { initShard } from '../../src/shard/init.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('staging');
let dir = '';
let config = '';

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'millrace-status-'));
  config = path.join(dir, 'millrace.yaml');
  await writeFile(path.join(dir, 'enrich.mjs'), 'export const handler = () => null;\n');
  const yaml = [
    ...[
      'namespace: staging',
      'redis: ${REDIS}',
      'functions:',
      '  enrich:',
      '    code: enrich.mjs',
      '    handler: handler',
    ],
    ...['    environment:', '      TOKEN: { secret: ${TOKEN} }', 'mappings:', '  clicks:', '    function: enrich'],
    ...['    source: { type: redis-stream, stream: clicks }', '    startingPosition: TRIM_HORIZON', ''],
  ];
  await writeFile(config, yaml.join('\n'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

beforeEach(async () => {
  await redis.client.sadd(keys.mappings(), 'clicks');
  await redis.client.hset(keys.mapping('clicks'), {
    function: 'enrich',
    functionVersion: 'f00d',
    source: '{}',
    state: 'Enabled',
  });
  await redis.client.xadd('clicks', '1732370000001-0', 'data', 'x');
  const shard = { shardId: shardIdOf(0), key: 'clicks', parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 };
  await initShard(redis.client, keys, 'clicks', shard);
});

const TOKEN = 'very-secret-token';

async function run(options: Partial<StatusCommandOptions>, more: { terminal?: boolean; looks?: number } = {}) {
  const stop = new AbortController();
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    if (written.length >= (more.looks ?? 1)) stop.abort();
  };
  const base = { config, json: false, watch: false, interval: 0.1 };
  const screen = { terminal: more.terminal ?? false, write, paint: (_style: string, text: string) => text };
  await showStatus({ ...base, ...options }, { REDIS: redis.url, TOKEN }, screen, stop.signal);
  return written;
}

describe('millrace status', () => {
  it('writes a table, or JSON', async () => {
    const [table] = await run({});
    expect(table).toMatch(/^clicks .*→ enrich@f00d/);
    expect(table).toMatch(/shardId-000000000000 {2}waiting/);
    const [json] = await run({ json: true, mapping: 'clicks' });
    const status = JSON.parse(json!) as Status;
    expect(status).toMatchObject({
      formatVersion: 1,
      mappings: [{ name: 'clicks', shards: [{ state: 'waiting', lag: 1 }] }],
    });
  });

  it('draws anew on a terminal, writes lines elsewhere, and ends when it is told to', async () => {
    const drawn = await run({ watch: true }, { terminal: true, looks: 4 });
    expect(drawn[0]).toBe('\u001b[?25l');
    expect(drawn.slice(1, 4).every((text) => text.startsWith('\u001b[H\u001b[J') && text.includes('clicks'))).toBe(
      true,
    );
    expect(drawn.at(-1)).toBe('\u001b[?25h');
    const lines = await run({ watch: true }, { looks: 2 });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^\S+Z clicks state=Enabled shards=1 blocked=0 lag=1 .*\n$/);
    const json = await run({ watch: true, json: true }, { looks: 2 });
    expect(json.map((line) => (JSON.parse(line) as Status).formatVersion)).toEqual([1, 1]);
    expect(json.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  });

  it('never shows a secret that a handler threw', async () => {
    const unit = {
      ...{
        first: '1732370000001-0',
        last: '1732370000001-0',
        count: 1,
        requestId: 'r',
        deliveries: 1,
        failures: 1,
        lost: 0,
      },
      ...{
        blockedSince: 1732370000500,
        lastError: { errorType: 'Error', errorMessage: `401 for ${TOKEN}` },
        triedVersion: null,
      },
    };
    await redis.client.hset(keys.shard('clicks', shardIdOf(0)), 'units', JSON.stringify([unit]));
    for (const json of [true, false]) {
      const [text] = await run({ json });
      expect(text).toContain('401 for [redacted]');
      expect(text).not.toContain(TOKEN);
    }
  });

  it('says what is wrong: no such mapping, no good configuration, no Redis', async () => {
    await expect(run({ mapping: 'nope' })).rejects.toMatchObject({ code: 'mapping-not-found', exitCode: 1 });
    await expect(run({ config: path.join(dir, 'none.yaml') })).rejects.toMatchObject({
      code: 'config-invalid',
      exitCode: 1,
    });
  });

  it('takes its options from the command line', () => {
    const command = statusCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    const interval = command.options.find((option) => option.long === '--interval')!;
    expect(interval.parseArg!('2.5', 1)).toBe(2.5);
    for (const bad of ['0', 'x', '-1', '1e9']) expect(() => interval.parseArg!(bad, 1) as unknown).toThrow(/Between/);
    expect(command.helpInformation()).toMatch(/--mapping <NAME>[\s\S]*--watch[\s\S]*--json/);
  });
});
