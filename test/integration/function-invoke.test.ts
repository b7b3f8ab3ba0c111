/** `millrace invoke`, with the real sandbox. */
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { codeChecker } from '../../src/commands/check-code.ts';
import { type InvokeOptions, invoke } from '../../src/commands/invoke.ts';
import { openSandbox } from '../../src/daemon/open-daemon.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import { silentLog } from '../../src/observe/log.ts';
import { useFunctions } from '../support/functions.ts';

const functions = useFunctions();

const YAML = `
functions:
  echo:
    code: echo.ts
    handler: handler
    environment: { TOKEN: { secret: "very-secret-token" } }
  bad: { code: bad.ts, handler: handler, timeout: 1 }
mappings:
  clicks: { function: echo, source: { type: redis-stream, stream: clicks }, startingPosition: TRIM_HORIZON }
`;
const FILES = {
  'millrace.yaml': YAML,
  'echo.ts':
    "export const handler = async (event: unknown, context: any) => { console.log('token', process.env.TOKEN); return { event, millrace: context.millrace } }",
  'bad.ts':
    "export const handler = async (event: { spin?: boolean }) => { if (event.spin) for (;;); throw new RangeError('no') }",
  'event.json': '\ufeff{"Records":[{"kinesis":{"sequenceNumber":"7"}},{"kinesis":{"sequenceNumber":"9"}}]}',
  'broken.json': '{"a":',
};

async function run(name: string, options: Partial<InvokeOptions> = {}, stdin = '') {
  const directory = functions.write(FILES);
  let stdout = '';
  let stderr = '';
  const event =
    options.event === undefined || options.event === '-' ? options.event : path.join(directory, options.event);
  const code = await invoke(
    name,
    { config: path.join(directory, 'millrace.yaml'), ...options, ...(event === undefined ? {} : { event }) },
    {
      env: { MILLRACE_CACHE: functions.cacheDir },
      stdin: Readable.from([stdin]),
      stdout: (text) => (stdout += text),
      stderr: (text) => (stderr += text),
      openSandbox: (cacheDir) => openSandbox(cacheDir, silentLog),
    },
  );
  return { code, stdout, stderr };
}

describe('a result', () => {
  test('is JSON on standard output; log and REPORT are on standard error, without secrets', async () => {
    const { code, stdout, stderr } = await run('echo', {}, '');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ event: {} });
    expect(stderr).toMatch(/^INIT_START Runtime Version: .*\nSTART RequestId: [0-9a-f-]{36} Version: [0-9a-f]{12}\n/);
    expect(stderr).toMatch(/\tINFO\ttoken /);
    expect(stderr).not.toContain('very-secret-token');
    expect(stderr).toMatch(
      /\nEND RequestId: .*\nREPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\n$/,
    );
  });

  test('the event comes from a file or standard input, the mapping from the configuration', async () => {
    expect(JSON.parse((await run('echo', { event: '-' }, '[1]')).stdout)).toEqual({ event: [1] });
    const { millrace } = JSON.parse((await run('echo', { event: 'event.json', mapping: 'clicks' })).stdout) as {
      millrace: object;
    };
    expect(millrace).toMatchObject({
      mapping: 'clicks',
      attempt: 1,
      firstSequenceNumber: '7',
      lastSequenceNumber: '9',
    });
  });
});

describe('--sample', () => {
  test('makes the event from data, lines or a file; a mapping lends its stream', async () => {
    const lines = '{"u":"ada"}\n{"u":"bob"}\n';
    const made = await run('echo', { sample: 'kinesis', event: '-', key: ['u'], mapping: 'clicks' }, lines);
    const { event, millrace } = JSON.parse(made.stdout) as {
      event: { Records: { eventSourceARN: string; kinesis: { partitionKey: string; sequenceNumber: string } }[] };
      millrace: object;
    };
    expect(event.Records.map(({ kinesis }) => kinesis.partitionKey)).toEqual(['ada', 'bob']);
    expect(event.Records[0]!.eventSourceARN).toBe('arn:millrace:redis:::stream/clicks');
    expect(millrace).toMatchObject({
      firstSequenceNumber: event.Records[0]!.kinesis.sequenceNumber,
      lastSequenceNumber: event.Records[1]!.kinesis.sequenceNumber,
    });
  });

  test('--print-event prints it and runs nothing', async () => {
    const { code, stdout, stderr } = await run('bad', { sample: 'sqs', data: ['one', 'two'], printEvent: true });
    expect(code).toBe(0);
    const { Records } = JSON.parse(stdout) as { Records: { body: string }[] };
    expect(Records.map(({ body }) => body)).toEqual(['one', 'two']);
    expect(stderr).toBe('');
  });

  test.each<[Partial<InvokeOptions>, string, RegExp]>([
    [{ sample: 'alb' }, 'usage', /no sample event of the kind "alb"/],
    [{ data: ['x'] }, 'usage', /--data says what to make a sample event from/],
    [{ key: ['x'] }, 'usage', /--key says/],
    [{ sample: 's3', data: ['x'], event: '-' }, 'usage', /not from both/],
    [{ sample: 'kafka', partitions: 0 }, 'usage', /at least one partition/],
    [{ sample: 'sqs', event: '-' }, 'event-invalid', /no data in standard input/],
    [{ sample: 'sns', data: ['a', 'b'] }, 'event-invalid', /one record, not 2/],
    [{ sample: 'kinesis', data: ['x'.repeat(5 * 2 ** 20)] }, 'event-invalid', /larger than/],
  ])('%j is %s', async (options, code, message) => {
    const error = await run('echo', options).then(
      () => undefined,
      (reason: { code: string; message: string }) => reason,
    );
    expect(error?.code).toBe(code);
    expect(error?.message).toMatch(message);
  });
});

test('a function error is its payload, and 1', async () => {
  const failed = await run('bad');
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({ errorType: 'RangeError', errorMessage: 'no' });
  expect(failed.stderr).toMatch(
    /\n\S+Z\t[0-9a-f-]{36}\tERROR\tInvoke Error \t\{"errorType":"RangeError","errorMessage":"no","stack":\["RangeError: no",.*\]\}\nEND /,
  );
  expect(failed.stderr).toContain('Status: error\tError Type: RangeError');
  const spun = await run('bad', { event: '-' }, '{"spin":true}');
  expect(JSON.parse(spun.stdout)).toMatchObject({ errorType: 'Sandbox.Timedout' });
  expect(spun.stderr).toContain('Status: timeout');
});

test.each<[string, Partial<InvokeOptions>, string, string]>([
  ['ecko', {}, 'function-unknown', 'did you mean echo?'],
  ['echo', { event: 'nope.json' }, 'event-invalid', ''],
  ['echo', { event: 'broken.json' }, 'event-invalid', ''],
  ['echo', { mapping: 'nope' }, 'usage', ''],
  ['bad', { mapping: 'clicks' }, 'usage', ''],
])('%s with %j is %s', async (name, options, code, hint) => {
  const error = await run(name, options).then(
    () => undefined,
    (reason: { code: string; hint?: string; exitCode: number }) => reason,
  );
  expect(error).toMatchObject({ code, exitCode: 1, ...(hint === '' ? {} : { hint }) });
});

test('codeChecker looks at the functions of a configuration', async () => {
  const directory = functions.write({ ...FILES, 'bad.ts': 'export const handlr = 1' });
  const { config } = loadConfig(path.join(directory, 'millrace.yaml'), {});
  const checker = codeChecker(functions.cacheDir);
  try {
    expect(await checker.check(config!.functions.get('echo')!)).toEqual([]);
    expect(await checker.check(config!.functions.get('bad')!)).toMatchObject([
      { code: 'function-handler', hint: 'the module exports no function' },
    ]);
  } finally {
    await checker.close();
  }
});
