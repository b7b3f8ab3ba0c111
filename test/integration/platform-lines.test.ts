/** What is logged of invocations: Lambda's own lines, levels, and the variables that tell loggers of them. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadFunction } from '../../src/function/load.ts';
import { PlatformLines } from '../../src/observe/platform-lines.ts';
import { eventually } from '../support/daemon.ts';
import { add, world } from '../support/engine.ts';
import { useFunctions } from '../support/functions.ts';
import { useRedis } from '../support/redis.ts';
import { resultOf, useRuntime } from '../support/runtime.ts';

const redis = useRedis();
const functions = useFunctions();
const box = useRuntime();

test('a daemon logs START, END and REPORT around each invocation of a function that asks for it', async () => {
  const w = await world(redis, { handler: '' });
  await writeFile(
    `${w.dir}/loud.cjs`,
    `console.log('loading'); exports.handler = async (event) => {
      const [text] = event.Records.map(({ kinesis }) => atob(kinesis.data));
      console.log('handling', text);
      if (text === 'slow') await new Promise((done) => setTimeout(done, 60_000));
    };`,
  );
  const functionOf = (systemLogLevel: string) => ({
    code: 'loud.cjs',
    handler: 'handler',
    timeout: 1,
    loggingConfig: { systemLogLevel },
  });
  const mapping = { source: { type: 'redis-stream', stream: 's' }, startingPosition: 'TRIM_HORIZON', batchSize: 1 };
  await writeFile(
    w.config,
    stringify({
      redis: redis.url,
      functions: { loud: functionOf('INFO'), quiet: functionOf('WARN') },
      mappings: {
        loud: { ...mapping, function: 'loud', maximumRetryAttempts: 0 },
        quiet: { ...mapping, function: 'quiet', maximumRetryAttempts: 0 },
      },
    }),
  );
  await add(w.redis, 's', ['quick', 'slow']);
  const daemon = w.start();
  const reports = (name: string) =>
    daemon.lines.filter(
      (line) => line['function'] === name && ['platform', 'handler'].includes(String(line['stream'])),
    );
  const loud = await eventually(
    () => reports('loud'),
    (all) => all.filter(({ msg }) => msg.startsWith('REPORT ')).length === 2,
    { what: 'both units are reported' },
  );
  const quick = loud.findIndex(({ msg }) => msg.startsWith('REPORT ')) + 1;
  const id = String(loud[0]!['requestId']);
  expect(loud.slice(0, quick).map(({ stream, msg }) => [stream, msg])).toEqual([
    ['platform', expect.stringMatching(/^INIT_START Runtime Version: nodejs:\d+\.v\d+\tRuntime Version ARN: arn:/)],
    ['handler', 'loading'],
    ['platform', expect.stringMatching(new RegExp(`^START RequestId: ${id} Version: [0-9a-f]{12}$`))],
    ['handler', 'handling quick'],
    ['platform', `END RequestId: ${id}`],
    [
      'platform',
      expect.stringMatching(
        new RegExp(
          `^REPORT RequestId: ${id}\tDuration: [\\d.]+ ms\tBilled Duration: \\d+ ms\tMemory Size: 128 MB\tMax Memory Used: \\d+ MB\tInit Duration: [\\d.]+ ms$`,
        ),
      ),
    ],
  ]);
  expect(loud[0]).toMatchObject({ level: 'info', function: 'loud', mapping: 'loud', shard: 'shardId-000000000000' });
  const slow = loud.slice(quick).map(({ msg }) => msg);
  expect(slow.filter((msg) => !msg.startsWith('INIT_START') && msg !== 'loading')).toEqual([
    expect.stringMatching(/^START RequestId: /),
    'handling slow',
    expect.stringMatching(/^\d{4}-\S+Z \S+ Task timed out after 1\.00 seconds$/),
    expect.stringMatching(/^END RequestId: /),
    expect.stringMatching(/^REPORT .*\tStatus: timeout\tError Type: Sandbox\.Timedout$/),
  ]);
  await eventually(
    () => reports('quiet'),
    (all) => all.some(({ msg }) => msg === 'handling slow'),
    { what: 'the quiet function came as far' },
  );
  expect(reports('quiet').map(({ stream }) => stream)).not.toContain('platform');
});

describe('applicationLogLevel', () => {
  const code = `
    export const handler = async () => {
      console.trace('t'); console.debug('d'); console.log('l'); console.info('i'); console.warn('w'); console.error('e');
      process.stdout.write('raw');
      return process.env.AWS_LAMBDA_LOG_LEVEL ?? null;
    };`;
  test.each<['TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL', string[], string | null]>([
    ['TRACE', ['t', 'd', 'l', 'i', 'w', 'e', 'raw'], null],
    ['DEBUG', ['d', 'l', 'i', 'w', 'e', 'raw'], 'DEBUG'],
    ['INFO', ['l', 'i', 'w', 'e', 'raw'], 'INFO'],
    ['WARN', ['w', 'e', 'raw'], 'WARN'],
    ['ERROR', ['e', 'raw'], 'ERROR'],
    ['FATAL', ['raw'], 'FATAL'],
  ])('%s', async (applicationLogLevel, texts, told) => {
    const over = { loggingConfig: { systemLogLevel: 'WARN' as const, applicationLogLevel } };
    const invoked = await box.invoke(await loadFunction(functions.file(code, over), functions.cacheDir));
    expect(invoked.logs.map(({ text }) => text.replace(/^Trace: (t)[^]*$/, '$1'))).toEqual(texts);
    expect(resultOf(invoked)).toBe(told);
  });

  test('what is left out does not count', async () => {
    const flood = `export const handler = async () => { for (let n = 0; n < 5000; n++) console.debug(n); console.warn('kept'); };`;
    const over = { loggingConfig: { systemLogLevel: 'WARN' as const, applicationLogLevel: 'WARN' as const } };
    const { logs, outcome } = await box.invoke(await loadFunction(functions.file(flood, over), functions.cacheDir));
    expect(logs.map(({ text }) => text)).toEqual(['kept']);
    expect(outcome).not.toHaveProperty('report.droppedLogLines');
  });
});

test('Lambda’s own variables are there, and those of the function come first', async () => {
  const code = `export const handler = async (event, context) => {
    const { _HANDLER, AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME, AWS_LAMBDA_FUNCTION_NAME, AWS_REGION } = process.env;
    return [_HANDLER, AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME === context.logStreamName, AWS_LAMBDA_FUNCTION_NAME, AWS_REGION ?? null];
  };`;
  const run = async (environment: Record<string, string>) =>
    resultOf(await box.invoke(await loadFunction(functions.file(code, { environment }), functions.cacheDir)));
  expect(await run({})).toEqual(['handler', '/aws/lambda/enrich', true, 'enrich', null]);
  const own = { _HANDLER: 'mine', AWS_LAMBDA_FUNCTION_NAME: 'own', AWS_REGION: 'eu-central-1' };
  expect(await run(own)).toEqual(['mine', '/aws/lambda/enrich', true, 'own', 'eu-central-1']);
});

describe('the lines', () => {
  const facts = { requestId: 'r-1', version: '0123456789abcdef', memorySizeMb: 128, timeoutMs: 3000 };
  const report = { durationMs: 1.234, maxMemoryUsedMb: 40 };
  const linesOf = (run: (lines: PlatformLines) => void): string[] => {
    const written: string[] = [];
    run(new PlatformLines(facts, (line) => written.push(line)));
    return written;
  };

  test('of a second child that took over from one that was lost come once', () => {
    const written = linesOf((lines) => {
      for (const phase of ['init', 'invoke', 'init', 'invoke'] as const) lines.phase(phase);
      lines.end({ kind: 'ok', report: { ...report, initDurationMs: 5, droppedLogLines: 2 } }, 0);
    });
    expect(written.map((line) => line.split(' ')[0])).toEqual(['INIT_START', 'START', 'END', 'REPORT']);
    expect(written[3]).toBe(
      'REPORT RequestId: r-1\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 5.00 ms\tDropped Log Lines: 2',
    );
  });

  test('of code that fails when it is loaded are those of the invocation that met it', () => {
    const written = linesOf((lines) => {
      lines.phase('init');
      lines.end({ kind: 'function-error', metric: 'error', error: { errorType: 'Error' }, report }, 0);
    });
    expect(written.slice(1)).toEqual([
      'START RequestId: r-1 Version: 0123456789ab',
      'END RequestId: r-1',
      expect.stringMatching(/^REPORT .*\tStatus: error\tError Type: Error$/),
    ]);
  });

  test('of what the function did not cause are no report', () => {
    expect(linesOf((lines) => lines.end({ kind: 'infrastructure' }, 0))).toEqual([]);
    const begun = linesOf((lines) => {
      lines.phase('invoke');
      lines.end({ kind: 'infrastructure' }, 0);
    });
    expect(begun.map((line) => line.split(' ')[0])).toEqual(['START', 'END']);
  });
});
