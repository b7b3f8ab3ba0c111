/** middy and Powertools for AWS Lambda: examples/handlers, as users write them. */
import { describe, expect, test } from 'vitest';
import { sequence, useExamples } from '../support/example-handlers.ts';

const examples = useExamples();
const json = (text: string | undefined) => JSON.parse(text ?? 'null') as Record<string, unknown>;

describe('middy', () => {
  test('parses the records, logs input and output without what is to be omitted, and hands on the answer', async () => {
    const { run } = await examples.open('middy.ts');
    const { result, logs } = await run({ sensor: 'a', celsius: 3 }, { sensor: 'b', celsius: 31 }, { sensor: 'c' });
    expect(result).toEqual({ sensor: 'b', celsius: 31 });
    const [input, output] = logs.map(json);
    expect(input).toMatchObject({ event: { Records: [{ kinesis: { sequenceNumber: sequence(0) } }, {}, {}] } });
    expect(logs[0]).not.toContain('"data"');
    expect(output).toEqual({ response: { sensor: 'b', celsius: 31 } });
    expect(await run({ sensor: 'a', celsius: 3 })).toMatchObject({ cold: false });
  });

  test('logs an error and lets it fail the invocation', async () => {
    const { attempt } = await examples.open('middy.ts');
    const { outcome, lines } = await attempt({ sensor: 'a' });
    expect(outcome).toMatchObject({
      kind: 'function-error',
      error: { errorType: 'RangeError', errorMessage: 'no reading has a temperature' },
    });
    expect(lines.find((line) => line.level === 'error')?.text).toContain('RangeError: no reading has a temperature');
  });
});

describe('powertools batch', () => {
  test('names the record in the middle that failed', async () => {
    const { run } = await examples.open('powertools-batch.ts');
    const { result, logs } = await run({ id: 'a', cents: 1 }, { id: 'b', cents: 'much' }, { id: 'c', cents: 3 });
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: sequence(1) }] });
    expect(logs).toContain('booked a');
    expect(await run({ id: 'a', cents: 1 })).toMatchObject({ cold: false, result: { batchItemFailures: [] } });
  });

  test('names the first of a batch that failed as a whole', async () => {
    const { run } = await examples.open('powertools-batch.ts');
    const { result } = await run({ id: 'a' }, { id: 'b' });
    expect(result).toMatchObject({ batchItemFailures: [{ itemIdentifier: sequence(0) }, {}] });
  });
});

describe('powertools logger', () => {
  test('writes one JSON line per call, with request id, cold start and its own keys; errors with name and stack', async () => {
    const { run } = await examples.open('powertools-logger.ts', { memorySize: 256 });
    const { logs } = await run('{', { fine: true });
    const [received, failed, ...more] = logs.map(json);
    expect(more).toEqual([]);
    expect(received).toMatchObject({
      level: 'INFO',
      message: 'batch received',
      service: 'orders',
      team: 'checkout',
      records: 2,
      cold_start: true,
      function_name: 'powertools-logger',
      function_memory_size: '256',
      function_request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    expect(failed).toMatchObject({ level: 'ERROR', partitionKey: 'k', error: { name: 'SyntaxError' } });
    const warm = await run({ fine: true });
    expect(warm.cold).toBe(false);
    expect(json(warm.logs[0])).toMatchObject({ cold_start: false });
    expect(json(warm.logs[0])['function_request_id']).not.toBe(received!['function_request_id']);
  });
});

describe('powertools metrics', () => {
  test('writes the embedded metric format, and the cold start once', async () => {
    const { run } = await examples.open('powertools-metrics.ts');
    const [cold, counts] = (await run('abc', 'def')).logs.map(json);
    expect(cold).toMatchObject({
      _aws: {
        CloudWatchMetrics: [
          {
            Namespace: 'shop',
            Dimensions: [['service', 'function_name']],
            Metrics: [{ Name: 'ColdStart', Unit: 'Count' }],
          },
        ],
      },
      function_name: 'powertools-metrics',
      ColdStart: 1,
    });
    expect(counts).toMatchObject({ service: 'orders', records: 2, bytes: [4, 4] });
    const warm = await run('abc');
    expect(warm.cold).toBe(false);
    expect(warm.logs.map(json)).toMatchObject([{ records: 1, bytes: 4 }]);
  });
});

describe('powertools tracer', () => {
  test('traces nothing and says nothing; what it surrounds runs', async () => {
    const { run } = await examples.open('powertools-tracer.ts');
    expect(await run('a', 'b')).toMatchObject({ result: { traced: false, keys: ['k', 'k'] }, logs: [] });
    expect(await run('a')).toMatchObject({ cold: false, result: { traced: false, keys: ['k'] }, logs: [] });
  });
});
