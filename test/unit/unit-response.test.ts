/** Every row of esm-semantics.md §1.9: what the handler returned, and what becomes of the unit. */
import { describe, expect, it } from 'vitest';
import { RESPONSE_ITEMS_MAX } from '../../src/limits.ts';
import { toSequenceNumber } from '../../src/record.ts';
import { parseResponse } from '../../src/unit/response.ts';
import { OK, recordsOf, reports, THROWN, UnitDriver } from '../support/unit-driver.ts';

const seq = (n: number): string => toSequenceNumber(`${n}-0`);
const partial = { reportBatchItemFailures: true };
const returned = (result: string) => ({ kind: 'returned' as const, result });
const after = (result: string, policy: object = partial) =>
  new UnitDriver(policy, recordsOf(4)).run(() => returned(result), 1);

describe('complete success', () => {
  it.each([
    '[]',
    '{}',
    'null',
    '""',
    '',
    '{"batchItemFailures":[]}',
    '{"batchItemFailures":null}',
    ' { } ',
    ' \n',
    '"abc"',
    '5',
    'true',
    '["junk",{"batchItemFailures":[1]}]',
    '{"other":{"batchItemFailures":[{}]}}',
  ])('of %j', (result) => {
    const shard = after(result);
    expect(shard.decisions).toMatchObject([
      {
        checkpoint: '4-0',
        succeeded: 4,
        stack: [],
        giveUps: [],
        failed: false,
        lastProcessingResult: 'OK',
        notBefore: null,
      },
    ]);
  });

  it('of anything at all while the feature is off', () => {
    for (const { result } of [reports(seq(1)), reports('nonsense'), returned('{"batchItemFailures":7}')] as {
      result: string;
    }[]) {
      expect(after(result, {}).checkpoint).toBe('4-0');
    }
  });
});

describe('success up to the lowest listed record', () => {
  it.each([
    [[seq(3)], 3],
    [[seq(4), seq(2), seq(3)], 2],
    [['2-0'], 2],
    [[seq(3), seq(3)], 3],
  ])('%j', (identifiers, k) => {
    const shard = new UnitDriver(partial, recordsOf(4)).run(() => reports(...identifiers), 1);
    const count = 5 - k;
    expect(shard.decisions).toMatchObject([
      {
        checkpoint: `${k - 1}-0`,
        succeeded: k - 1,
        giveUps: [],
        failed: false,
        lastProcessingResult: 'OK',
        notBefore: null,
      },
    ]);
    expect(shard.stack).toEqual([
      {
        first: `${k}-0`,
        last: '4-0',
        count,
        requestId: 'B',
        deliveries: 0,
        failures: 0,
        lost: 0,
        blockedSince: null,
        lastError: null,
        triedVersion: null,
      },
    ]);
  });

  it('finds the list wherever the object has it, last one first, escapes and all', () => {
    const item = `{"x":["]",{"itemIdentifier":"no"}],"item\\u0049dentifier":"${seq(2)}"}`;
    const text = `{"a":"\\\\\\"","batchItemFailures":[{}],"b":[[["}"]]], "batchItemFailures" : [ ${item} ] }`;
    expect(after(text).checkpoint).toBe('1-0');
  });
});

describe('the whole unit fails', () => {
  const bad: [string, string][] = [
    ['identifier not in the batch', '{"batchItemFailures":[{"itemIdentifier":"123"}]}'],
    ['numeric identifier', '{"batchItemFailures":[{"itemIdentifier":123}]}'],
    [
      'one in the batch, one not',
      JSON.stringify({ batchItemFailures: [{ itemIdentifier: seq(3) }, { itemIdentifier: seq(9) }] }),
    ],
    ['empty identifier', '{"batchItemFailures":[{"itemIdentifier":""}]}'],
    ['null identifier', '{"batchItemFailures":[{"itemIdentifier":null}]}'],
    ['item without identifier', '{"batchItemFailures":[{"foo":123}]}'],
    ['item without identifier, null member', '{"batchItemFailures":[{"foo":null}]}'],
    ['empty item', '{"batchItemFailures":[{}]}'],
    ['item that is no object', '{"batchItemFailures":["2-0"]}'],
    ['list that is no list', '{"batchItemFailures":"2-0"}'],
    ['list that is an object', '{"batchItemFailures":{"itemIdentifier":"2-0"}}'],
    ['identifier with leading zeros', `{"batchItemFailures":[{"itemIdentifier":"0${seq(2)}"}]}`],
  ];
  it.each(bad)('%s', (_, result) => {
    const shard = after(result);
    expect(shard.decisions).toMatchObject([
      {
        checkpoint: null,
        succeeded: 0,
        failed: true,
        notBefore: 200,
        lastProcessingResult: 'PROBLEM: Function call failed',
      },
    ]);
    expect(shard.stack).toMatchObject([
      { first: '1-0', last: '4-0', count: 4, requestId: 'A', failures: 1, deliveries: 1, lost: 0 },
    ]);
  });

  it.each([...bad, ['first record reported', JSON.stringify({ batchItemFailures: [{ itemIdentifier: seq(1) }] })]])(
    '%s: functionError is null in the notice',
    (_, result) => {
      const shard = after(result, { ...partial, maximumRetryAttempts: 0 });
      expect(shard.giveUps).toMatchObject([
        { condition: 'RetryAttemptsExhausted', count: 4, functionError: null, invokeCount: 1, requestId: 'A' },
      ]);
      expect(shard.checkpoint).toBe('4-0');
    },
  );

  it.each([
    ['{batchItemFailures:[]}', 'the response is not JSON'],
    ['{"batchItemFailures":[]', 'the response is not JSON'],
    ['{"batchItemFailures":"2-0"}', 'batchItemFailures is not a list'],
    ['{"batchItemFailures":{}}', 'batchItemFailures is not a list'],
    ['{"batchItemFailures":[1 2]}', `batchItemFailures is not a list of at most ${RESPONSE_ITEMS_MAX} items`],
    ['{"batchItemFailures":[{}]}', 'an item of batchItemFailures has no itemIdentifier, or one that is not a text'],
    ['{"batchItemFailures":[{"itemIdentifier":"9"}]}', 'an itemIdentifier names no record of the batch'],
  ])('%s: the notice says why', (result, reason) => {
    expect(after(result).stack[0]!.lastError).toEqual({
      errorType: 'MalformedBatchResponse',
      errorMessage: `The function's batch response cannot be used: ${reason}`,
    });
  });

  it('first record reported: the notice names it', () => {
    expect(after(JSON.stringify({ batchItemFailures: [{ itemIdentifier: seq(1) }] })).stack[0]!.lastError).toEqual({
      errorType: 'ReportedBatchItemFailure',
      errorMessage: `The function reported record ${seq(1)} as failed`,
    });
  });

  it('first record reported: a valid response, so the last result is OK', () => {
    const shard = new UnitDriver(partial, recordsOf(4)).run(() => reports(seq(1)), 1);
    expect(shard.decisions).toMatchObject([
      { failed: true, lastProcessingResult: 'OK', checkpoint: null, notBefore: 200 },
    ]);
  });

  it('exception or timeout: Unhandled', () => {
    const shard = new UnitDriver({ ...partial, maximumRetryAttempts: 0 }, recordsOf(4)).run(() => THROWN);
    expect(shard.giveUps).toMatchObject([
      { functionError: 'Unhandled', error: { errorType: 'Error', errorMessage: 'boom' }, first: '1-0', last: '4-0' },
    ]);
    expect(shard.decisions).toMatchObject([{ lastProcessingResult: 'PROBLEM: Function call failed' }]);
  });
});

describe('retry budget after partial success', () => {
  it('is fresh: 6 records, batch 3, 3 retries, the last always fails → delivered 5 times, count 4, batchSize 1', () => {
    const shard = new UnitDriver({ ...partial, batchSize: 3, maximumRetryAttempts: 3 }, recordsOf(6));
    shard.run(({ records }) => (records.includes('6-0') ? reports(seq(6)) : OK));
    expect(shard.attempts.filter((a) => a.records.includes('6-0'))).toHaveLength(5);
    expect(shard.notices()).toEqual(['RetryAttemptsExhausted 6-0..6-0 n=1 C x4']);
  });

  it('[1 2 3 4] → [2 3 4] → [2 3 4], notice of 3 with count 2 (one retry, bisect off)', () => {
    const shard = new UnitDriver({ ...partial, maximumRetryAttempts: 1 }, recordsOf(4)).run(() => reports(seq(2)));
    expect(shard.trace()).toEqual(['1 2 3 4|A', '2 3 4|B', '2 3 4|B']);
    expect(shard.notices()).toEqual(['RetryAttemptsExhausted 2-0..4-0 n=3 B x2']);
  });
});

describe('bounds of the parser', () => {
  it('an empty list is success, and an identifier may have 256 characters with its quotes', () => {
    expect(parseResponse('{"batchItemFailures":[ ]}')).toEqual({ kind: 'success' });
    const of = (length: number) =>
      parseResponse(JSON.stringify({ batchItemFailures: [{ itemIdentifier: 'x'.repeat(length - 2) }] })).kind;
    expect([256, 257].map(of)).toEqual(['partial', 'malformed']);
  });

  it('six megabytes of brackets cost neither stack nor memory nor time', () => {
    const deep = `{"a":${'['.repeat(3_000_000)}${']'.repeat(3_000_000)},"batchItemFailures":[{"itemIdentifier":"2-0"}]}`;
    const before = process.cpuUsage();
    expect(parseResponse(deep)).toEqual({ kind: 'partial', identifiers: ['2-0'] });
    // CPU, not the clock, and far above what one pass takes (about 60 ms): two passes over each other would take hours.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000);
  });

  it('more items than any batch has, unclosed text, junk: malformed, never an exception', () => {
    const many = `{"batchItemFailures":[${Array(RESPONSE_ITEMS_MAX + 1)
      .fill('{}')
      .join()}]}`;
    for (const text of [
      many,
      '{"a',
      '{"a":',
      '{"a":[}',
      '{,}',
      '{"a" 1}',
      '{"a":1,}',
      '{"a":1}x',
      '{"batchItemFailures":[',
      '{"batchItemFailures":[,]}',
      '{"batchItemFailures":[{"itemIdentifier":"\\q"}]}',
    ]) {
      expect(parseResponse(text).kind, text.slice(0, 40)).toBe('malformed');
    }
  });
});

describe('Kafka’s form of an itemIdentifier', () => {
  const read = (identifier: string) => parseResponse(`{"batchItemFailures":[{"itemIdentifier":${identifier}}]}`);

  it.each([
    ['{"partition":"t-0","offset":12}', 't-0@12'],
    ['{"offset":"12","partition":"t-0"}', 't-0@12'],
  ])('%s', (text, name) => {
    expect(read(text)).toEqual({ kind: 'partial', identifiers: [name] });
  });

  it.each([
    '{"partition":"t-0"}',
    '{"offset":12}',
    '{"partition":"","offset":12}',
    '{"partition":5,"offset":12}',
    '{"partition":"t-0","offset":-12}',
    '{"partition":"t-0","offset":"12x"}',
    '{"partition":"t-0","offset":"x12"}',
    '{"partition":"t-0","offset":""}',
    '{"partition":"t-0","offset":null}',
    '{"partition":"t-0","offset":1.5}',
    '[]',
    '12',
  ])('%s is none', (text) => {
    expect(read(text).kind).toBe('malformed');
  });
});
