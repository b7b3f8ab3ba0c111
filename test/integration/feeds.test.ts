/** Every eventFormat in the running engine: what handlers get, how they name records, and what becomes of data that does not fit. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { toSequenceNumber } from '../../src/record.ts';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { add, SAID, type World, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const fixture = (name: string) =>
  readFileSync(path.join(import.meta.dirname, '..', 'fixtures', 'notifications', name), 'utf8');

const settled = (w: World, counts: Record<string, string>, withinMs = 30_000) =>
  eventually(
    () => w.state(),
    (s) => Object.entries(counts).every(([name, n]) => (s[`n:${name}`] ?? '0') === n),
    { what: JSON.stringify(counts), withinMs },
  );
const told = (daemon: TestDaemon) =>
  daemon.lines.filter((line) => line['stream'] === 'handler').map((line) => JSON.parse(line.msg) as unknown);
const change = (id: string, price: string) =>
  JSON.stringify({ Keys: { id: { S: id } }, NewImage: { id: { S: id }, price: { N: price } } });

describe('dynamodb', () => {
  const handler = `export const handler = async (event) => {
      const bad = event.Records.findIndex((r) => r.dynamodb.NewImage.price.N === '0');
      console.log(JSON.stringify(event.Records.map((r) => [r.eventName, r.dynamodb.Keys.id.S, r.dynamodb.NewImage.price.N])));
      return { batchItemFailures: bad < 0 ? [] : [{ itemIdentifier: event.Records[bad].dynamodb.SequenceNumber }] };
    };`;

  test('records are named by their SequenceNumber; status and notices show the item’s key', async () => {
    const mapping = { eventFormat: 'dynamodb', maximumRetryAttempts: 1, bisectBatchOnFunctionError: true };
    const w = await world(redis, {
      handler,
      mapping: { ...mapping, functionResponseTypes: ['ReportBatchItemFailures'] },
    });
    const pipeline = redis.client.pipeline();
    for (const [id, price] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '0'],
      ['d', '3'],
    ] as const)
      pipeline.xadd('s', '*', 'data', change(id, price));
    const ids = ((await pipeline.exec()) ?? []).map(([, id]) => String(id));
    const daemon = w.start();
    await settled(w, { succeeded: '3', givenUp: '1' });
    await expect
      .poll(() => told(daemon).map((rows) => (rows as string[][]).map(([, id]) => id).join()), SAID)
      .toEqual(['a,b,c,d', 'c,d', 'c', 'c', 'd']);
    const [notice] = await w.notices();
    expect(notice!.KinesisBatchInfo.startSequenceNumber).toBe(toSequenceNumber(ids[2]!));
    const payload = JSON.parse(notice!.payload!) as { Records: { eventName: string; dynamodb: object }[] };
    expect(payload.Records).toMatchObject([{ eventName: 'INSERT', dynamodb: { Keys: { id: { S: 'c' } } } }]);
  });

  test('data that is no change record fails alone, with a sentence and its bytes in the notice', async () => {
    const w = await world(redis, { handler, mapping: { eventFormat: 'dynamodb', maximumRetryAttempts: 1 } });
    await add(redis.client, 's', [change('a', '1'), 'no json', '{"Keys":{"id":"b"}}', change('c', '2')]);
    const daemon = w.start();
    await settled(w, { succeeded: '2', givenUp: '2' });
    await expect.poll(() => told(daemon), SAID).toEqual([[['INSERT', 'a', '1']], [['INSERT', 'c', '2']]]);
    const notices = await w.notices();
    expect(notices.map(({ error }) => error)).toEqual([
      {
        errorType: 'MalformedRecord',
        errorMessage: expect.stringMatching(/^The data of this record is no JSON: /) as string,
      },
      {
        errorType: 'MalformedRecord',
        errorMessage: 'Keys.id of this change record is no typed attribute, like {"S": "text"} or {"N": "1"}',
      },
    ]);
    expect(
      notices.map((n) => [n.responseContext, n.KinesisBatchInfo.batchSize, n.requestContext.approximateInvokeCount]),
    ).toEqual([
      [undefined, 1, 2],
      [undefined, 1, 2],
    ]);
    const data = notices.map(({ payload }) => {
      const { Records } = JSON.parse(payload!) as { Records: { kinesis: { data: string } }[] };
      return Records.map(({ kinesis }) => Buffer.from(kinesis.data, 'base64').toString());
    });
    expect(data).toEqual([['no json'], ['{"Keys":{"id":"b"}}']]);
  });

  test('data that never fits blocks its shard, and status says why', async () => {
    const w = await world(redis, { handler, mapping: { eventFormat: 'dynamodb' } });
    await redis.client.xadd('s', '*', 'data', change('a', '1'));
    await redis.client.xadd('s', '*', 'data', '{"Keys":{}}');
    w.start();
    const { mappings } = await eventually(
      () => collectStatus(w.redis, w.keys),
      (s) => (s.mappings[0]?.shards[0]?.blocked?.attempts ?? 0) >= 2,
      { what: 'two attempts', withinMs: 30_000 },
    );
    expect(mappings[0]!.shards[0]).toMatchObject({
      settled: { succeeded: 1 },
      blocked: {
        recordsInUnit: 1,
        lastError: { errorType: 'MalformedRecord', errorMessage: expect.stringContaining('has no Keys') as string },
      },
    });
  });
});

describe('s3', () => {
  test('notifications of a batch are one list, in AWS’s words', async () => {
    const handler = `export const handler = async ({ Records }) => {
      console.log(JSON.stringify(Records.map((r) => [r.eventSource, r.eventName, decodeURIComponent(r.s3.object.key.replace(/\\+/g, ' '))])));
    };`;
    const filters = [{ pattern: { s3: { bucket: { name: ['images'] } } } }];
    const w = await world(redis, { handler, mapping: { eventFormat: 's3', filterCriteria: { filters } } });
    const other = fixture('minio-kafka.json').replaceAll('"images"', '"other"');
    const names = ['minio-kafka.json', 'aws-put.json', 'minio-redis-access.json'];
    for (const text of [...names.map(fixture), other]) await redis.client.xadd('s', '*', 'data', text);
    const daemon = w.start();
    await settled(w, { succeeded: '3', filtered: '1' });
    const key = '2026/café terrace.jpg';
    await expect
      .poll(() => told(daemon), SAID)
      .toEqual([
        [
          ['aws:s3', 'ObjectCreated:Put', key],
          ['aws:s3', 'ObjectCreated:Put', key],
          ['aws:s3', 'ObjectRemoved:Delete', key],
        ],
      ]);
  });
});

describe('raw', () => {
  test('with batches of one the data is the event: envelopes of other services come as they are', async () => {
    const handler = `export const handler = async (event) => { console.log(JSON.stringify(event)); };`;
    const w = await world(redis, { handler, mapping: { eventFormat: 'raw', batchSize: 1 } });
    const sns = { Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', Sns: { Message: 'hé', Subject: null } }] };
    const bridge = { version: '0', id: 'x', 'detail-type': 'Order', source: 'shop', resources: [], detail: { n: 1 } };
    for (const one of [sns, bridge]) await redis.client.xadd('s', '*', 'data', JSON.stringify(one));
    const daemon = w.start();
    await settled(w, { succeeded: '2' });
    await expect.poll(() => told(daemon), SAID).toEqual([sns, bridge]);
  });

  test(
    'else the event is a list, closed at 6 MB of text, with or without a batching window',
    { timeout: 90_000 },
    async () => {
      const handler = `export const handler = async (event) => { console.log(JSON.stringify([event.length, JSON.stringify(event).length])); };`;
      const mapping = { eventFormat: 'raw', maximumBatchingWindowInSeconds: 60 };
      const w = await world(redis, { handler, mapping, function: { memorySize: 512, timeout: 30 } });
      // With brackets and commas three of them are exactly 6 MB, and a fourth is a byte too many anyhow.
      const size = (6 * 1024 * 1024 - 4) / 3;
      const text = (n: number) => `"${'x'.repeat(n - 2)}"`;
      for (let n = 0; n < 4; n++)
        await redis.client.xadd(
          's',
          '*',
          'data',
          text(n === 2 ? size + (6 * 1024 * 1024 - 4 - 3 * Math.floor(size)) : Math.floor(size)),
        );
      const daemon = w.start();
      await settled(w, { succeeded: '3' });
      await expect.poll(() => told(daemon), SAID).toEqual([[3, 6 * 1024 * 1024]]);
      // The fourth waits for its window, or for what fills 6 MB with it.
      for (let n = 0; n < 3; n++) await redis.client.xadd('s', '*', 'data', text(Math.floor(size)));
      await settled(w, { succeeded: '6' });
      await expect.poll(() => told(daemon).length, SAID).toBe(2);
    },
  );
});

describe('kafka', () => {
  test('entries of a Redis stream come as records of a topic, and are named as there', async () => {
    const handler = `export const handler = async (event) => {
      const [[name, records]] = Object.entries(event.records);
      console.log(JSON.stringify([name, records.map((r) => [r.topic, r.partition, atob(r.key), atob(r.value)])]));
      const bad = records.findIndex((r) => atob(r.value) === 'bad');
      return { batchItemFailures: bad < 1 ? [] : [{ itemIdentifier: { partition: name, offset: records[bad].offset } }] };
    };`;
    const mapping = { eventFormat: 'kafka', functionResponseTypes: ['ReportBatchItemFailures'] };
    const w = await world(redis, { handler, mapping });
    const pipeline = redis.client.pipeline();
    for (const value of ['a', 'bad', 'c']) pipeline.xadd('s', '*', 'partitionKey', 'k', 'data', value);
    await pipeline.exec();
    const daemon = w.start();
    await settled(w, { succeeded: '3' });
    const row = (value: string) => ['s', 0, 'k', value];
    await expect
      .poll(() => told(daemon), SAID)
      .toEqual([
        ['s-0', ['a', 'bad', 'c'].map(row)],
        ['s-0', ['bad', 'c'].map(row)],
      ]);
  });
});
