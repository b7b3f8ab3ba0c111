/** `millrace validate` itself: exit codes, both outputs, the handler check's findings, and `--connect` on a real server. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { checkConnections } from '../../src/commands/validate-connect.ts';
import {
  type ValidateDependencies,
  type ValidateOptions,
  validate,
  validateCommand,
} from '../../src/commands/validate.ts';
import { MillraceError } from '../../src/errors.ts';
import { noPaint } from '../../src/mapping/format-problem.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import { requireConfig } from '../../src/mapping/require-config.ts';
import type { Problem } from '../../src/mapping/types.ts';
import { registerMapping } from '../../src/daemon/registry.ts';
import { Keys } from '../../src/redis/keys.ts';
import { useRedis } from '../support/redis.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'millrace-validate-'));
const config = path.join(dir, 'millrace.yaml');
const handler = path.join(dir, 'functions', 'enrich.ts');
mkdirSync(path.dirname(handler));
writeFileSync(handler, 'export const handler = async () => {};\n');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const YAML = (redis: string, more = '') => `redis: ${redis}
functions:
  enrich: { code: functions/enrich.ts, handler: handler }
mappings:
  clicks:
    function: enrich
    source: { type: redis-stream, stream: clicks }
    startingPosition: TRIM_HORIZON
${more}`;

async function run(options: Partial<ValidateOptions>, more: Partial<ValidateDependencies> = {}) {
  const written: string[] = [];
  const dependencies: ValidateDependencies = {
    env: {},
    cwd: dir,
    write: (text) => written.push(text),
    paint: noPaint,
    checkConnections,
    ...more,
  };
  const result = validate({ config, json: false, connect: false, ...options }, dependencies);
  const exit = await result.catch((error: unknown) => error);
  return { exit, text: written.join('') };
}

describe('millrace validate', () => {
  beforeEach(() => writeFileSync(config, YAML('redis://127.0.0.1:6379')));

  it('says that a good file is valid, and exits 0', async () => {
    expect(await run({})).toEqual({ exit: 0, text: `${config} is valid: 1 function, 1 mapping\n` });
    const { exit, text } = await run({ json: true });
    expect(exit).toBe(0);
    expect(JSON.parse(text)).toEqual({ formatVersion: 1, valid: true, problems: [] });
  });

  it('shows place, message, code and hint, then counts, and exits 1', async () => {
    writeFileSync(config, YAML('redis://:in-the-clear@127.0.0.1:6379', '    batchSzie: 3\n    batchSize: 0\n'));
    const { exit, text } = await run({});
    expect(exit).toBe(1);
    expect(text).toBe(
      [
        `${config}:1:8  warning  redis: the password is written in clear  [secret-in-clear]`,
        '    hint: write redis://:${REDIS_PASSWORD}@host:port, and set the variable',
        `${config}:9:5  error  mappings.clicks.batchSzie: \`batchSzie\` is not known here  [unknown-key]`,
        '    hint: did you mean `batchSize`?',
        `${config}:10:16  error  mappings.clicks.batchSize: must be from 1 to 10000; it is 0  [out-of-range]`,
        '',
        `${config}: 2 errors, 1 warning`,
        '',
      ].join('\n'),
    );
  });

  it('exits 0 when there are only warnings, and shows them', async () => {
    writeFileSync(config, YAML('redis://:in-the-clear@127.0.0.1:6379'));
    const { exit, text } = await run({});
    expect(exit).toBe(0);
    expect(text).toContain('is valid: 1 function, 1 mapping (1 warning)');
    expect((JSON.parse((await run({ json: true })).text) as { valid: boolean }).valid).toBe(true);
  });

  it('names the file and line of a handler’s fault, and the YAML field', async () => {
    const seen: string[] = [];
    const { exit, text } = await run(
      { json: true },
      {
        checkFunction: (fn) => {
          seen.push(`${fn.name} ${fn.code} ${fn.handler}`);
          return Promise.resolve([
            { severity: 'error', code: 'handler-syntax', message: 'Unexpected "}"', file: handler, line: 3, column: 7 },
          ]);
        },
      },
    );
    expect(seen).toEqual([`enrich ${handler} handler`]);
    expect(exit).toBe(1);
    expect(JSON.parse(text)).toEqual({
      formatVersion: 1,
      valid: false,
      problems: [
        {
          severity: 'error',
          code: 'handler-syntax',
          path: 'functions.enrich.code',
          message: 'Unexpected "}"',
          file: path.join('functions', 'enrich.ts'),
          line: 3,
          column: 7,
        },
      ],
    });
  });

  it('does not look at code or servers while the file has errors', async () => {
    writeFileSync(config, YAML('redis://127.0.0.1:1', '    batchSize: 0\n'));
    const never = () => Promise.reject(new Error('must not be called'));
    expect((await run({ connect: true }, { checkFunction: never, checkConnections: never })).exit).toBe(1);
  });

  it('has a help that names its exit codes', () => {
    let help = '';
    const command = validateCommand().configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    expect(help).toContain('Exit codes: 0 no error');
  });
});

describe('millrace validate --connect', () => {
  const redis = useRedis();
  const problems = async (yaml: string) => {
    writeFileSync(config, yaml);
    const { exit, text } = await run({ connect: true, json: true });
    return { exit, problems: (JSON.parse(text) as { problems: Problem[] }).problems };
  };

  it('is content with a plain stream and with a sharded one', async () => {
    await redis.client.xadd('clicks', '*', 'data', '1');
    expect(await problems(YAML(redis.url))).toEqual({ exit: 0, problems: [] });
    await redis.client.del('clicks');
    await redis.client.hset(new Keys('millrace').stream('clicks'), 'revision', '1');
    expect(await problems(YAML(redis.url))).toEqual({ exit: 0, problems: [] });
  });

  it('reports a stream that does not exist, where it is named', async () => {
    expect(await problems(YAML(redis.url))).toEqual({
      exit: 1,
      problems: [
        {
          severity: 'error',
          code: 'stream-missing',
          path: 'mappings.clicks.source.stream',
          message: 'there is no stream `clicks` on this server',
          hint: 'create it with `millrace stream create clicks`, or ignore this: a plain stream is waited for',
          file: config,
          line: 7,
          column: 43,
        },
      ],
    });
  });

  it('reports keys that are no streams', async () => {
    await redis.client.set('clicks', 'x');
    await redis.client.sadd('failed', 'x');
    await redis.client.hset('millrace:failures:views', 'a', 'b');
    const more = `    destinationConfig: { onFailure: { type: redis-stream, stream: failed } }
  views: { function: enrich, source: { type: redis-stream, stream: views }, startingPosition: LATEST }
`;
    await redis.client.xadd('views', '*', 'data', '1');
    const found = await problems(YAML(redis.url, more));
    expect(found.exit).toBe(1);
    expect(found.problems.map(({ code, path: at, line, message }) => [code, at, line, message])).toEqual([
      ['stream-wrong-type', 'mappings.clicks.source.stream', 7, 'the key `clicks` is a string, not a stream'],
      [
        'stream-wrong-type',
        'mappings.clicks.destinationConfig.onFailure.stream',
        9,
        'the failure notices go to `failed`, and that key is a set, not a stream',
      ],
      [
        'stream-wrong-type',
        'mappings.views',
        10,
        'the failure notices go to `millrace:failures:views`, and that key is a hash, not a stream',
      ],
    ]);
  });

  it('reports that a live mapping of that name is another one', async () => {
    writeFileSync(config, YAML(redis.url));
    const { clicks } = Object.fromEntries(loadConfig(config, {}).config!.mappings);
    const store = async (change: object, source = clicks!.source) => {
      const record = { name: 'clicks', pinned: JSON.stringify({ ...clicks!.pinned, ...change }), source };
      await redis.client.flushall();
      await redis.client.xadd('clicks', '*', 'data', '1');
      const more = { function: 'f', functionVersion: 'v', enabled: true, output: null, configHash: 'c' };
      await registerMapping(redis.client, new Keys('millrace'), { ...record, ...more }, () => false);
    };
    await store({});
    expect((await problems(YAML(redis.url))).problems).toEqual([]);
    await store({ startingPosition: 'LATEST' });
    expect(await problems(YAML(redis.url))).toMatchObject({
      exit: 0,
      problems: [{ severity: 'warning', code: 'config-conflict', path: 'mappings.clicks.startingPosition', line: 8 }],
    });
    const source = { ...clicks!.source, stream: 'another' };
    await store({ source }, source);
    expect(await problems(YAML(redis.url))).toMatchObject({
      exit: 1,
      problems: [{ severity: 'error', code: 'source-conflict', path: 'mappings.clicks.source', line: 7 }],
    });
  });

  it('an unsuitable server that answers is a problem of the file', async () => {
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      expect(await problems(YAML(redis.url))).toMatchObject({
        exit: 1,
        problems: [{ severity: 'error', code: 'redis-unsuitable', path: 'redis', line: 1 }],
      });
    } finally {
      await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
    }
  });

  it('exits 2 when the server does not answer, after what it found itself', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    await new Promise((resolve) => silent.close(resolve));
    writeFileSync(config, YAML(`redis://:in-the-clear@127.0.0.1:${port}`));
    const { exit, text } = await run({ connect: true });
    expect(exit).toBeInstanceOf(MillraceError);
    expect((exit as MillraceError).exitCode).toBe(2);
    expect((exit as MillraceError).message).not.toContain('in-the-clear');
    expect(text).toContain('[secret-in-clear]');
  });
});

describe('requireConfig', () => {
  it('lists the errors in one MillraceError with exit code 1', () => {
    writeFileSync(config, YAML('redis://127.0.0.1:6379', '    batchSize: 0\n'));
    try {
      requireConfig(config, {});
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(MillraceError);
      expect((error as MillraceError).exitCode).toBe(1);
      expect((error as MillraceError).message).toBe(
        `the configuration has a problem:\n${config}:9:16  error  mappings.clicks.batchSize: must be from 1 to 10000; it is 0  [out-of-range]`,
      );
    }
  });

  it('hands warnings on and answers the configuration', () => {
    writeFileSync(config, YAML('redis://:in-the-clear@127.0.0.1:6379'));
    const warnings: Problem[] = [];
    const loaded = requireConfig(config, {}, { onWarning: (problem) => warnings.push(problem) });
    expect(warnings.map((problem) => problem.code)).toEqual(['secret-in-clear']);
    expect(loaded.secrets).toEqual(['in-the-clear']);
    expect(loaded.mappings.get('clicks')?.maximumRecordAgeInSeconds).toBeUndefined();
  });
});
