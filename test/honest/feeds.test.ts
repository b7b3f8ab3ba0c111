/** Handlers for events other than Kinesis', typed by @types/aws-lambda, behind streams of a running daemon. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { sampleEvent } from '../../src/event/samples/sample-event.ts';
import { configDir, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { SAID } from '../support/engine.ts';
import { EXAMPLES } from '../support/example-packages.ts';
import { ROOT } from '../support/house/files.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const notification = (name: string) => readFileSync(path.join(ROOT, 'test', 'fixtures', 'notifications', name), 'utf8');
const change = (id: string, price?: string) =>
  JSON.stringify({
    Keys: { id: { S: id } },
    ...(price === undefined ? { OldImage: {} } : { NewImage: { id: { S: id }, price: { N: price } } }),
  });
const sns = sampleEvent('sns', { data: [Buffer.from('hello')], nowMs: 0, keys: [], name: 'news', partitions: 1 });
const bridge = { version: '0', id: 'x', 'detail-type': 'Order placed', detail: { id: 'o1', total: 12.5 } };

const FEEDS: Readonly<Record<string, { mapping: object; data: readonly string[]; says: readonly string[] }>> = {
  'feed-dynamodb.ts': {
    mapping: { eventFormat: 'dynamodb', functionResponseTypes: ['ReportBatchItemFailures'] },
    data: [change('a', '1'), change('b', '2.5'), change('a'), change('c', '3')],
    says: ['{"b":2.5,"c":3}'],
  },
  'feed-s3.ts': {
    mapping: { eventFormat: 's3' },
    data: [notification('aws-put.json'), notification('minio-kafka.json'), notification('minio-redis-access.json')],
    says: [
      'images/2026/café terrace.jpg: 6474 bytes',
      'images/2026/café terrace.jpg: 6474 bytes',
      'images/2026/café terrace.jpg: gone',
    ],
  },
  'feed-kafka.ts': { mapping: { eventFormat: 'kafka' }, data: ['a', 'b', 'c'], says: ['feed-kafka.ts-0: a b c'] },
  'feed-sns.ts': {
    mapping: { eventFormat: 'raw', batchSize: 1 },
    data: [JSON.stringify(sns)],
    says: ['news: hello'],
  },
  'feed-eventbridge.ts': {
    mapping: { eventFormat: 'raw', batchSize: 1 },
    data: [JSON.stringify(bridge)],
    says: ['Order placed: o1 for 12.50'],
  },
};

test('each handler gets the event that its types promise', { timeout: 120_000 }, async () => {
  const files = Object.keys(FEEDS);
  const name = (file: string) => file.replace('.ts', '');
  const config = stringify({
    redis: redis.url,
    functions: Object.fromEntries(files.map((file) => [name(file), { code: file, handler: 'handler' }])),
    mappings: Object.fromEntries(
      files.map((file) => [
        name(file),
        {
          ...{ function: name(file), source: { type: 'redis-stream', stream: file }, startingPosition: 'TRIM_HORIZON' },
          ...FEEDS[file]!.mapping,
        },
      ]),
    ),
  });
  const sources = files.map((file) => [file, readFileSync(path.join(EXAMPLES, file), 'utf8')] as const);
  const dir = await configDir({ 'millrace.yaml': config, ...Object.fromEntries(sources) });
  for (const file of files) {
    const pipeline = redis.client.pipeline();
    for (const data of FEEDS[file]!.data) pipeline.xadd(file, '*', 'data', data);
    await pipeline.exec();
  }
  const daemon = startTestDaemon({ config: `${dir}/millrace.yaml`, env: { MILLRACE_CACHE: TEST_CACHE } });
  const said = (file: string) =>
    daemon.lines.filter((l) => l['stream'] === 'handler' && l['mapping'] === name(file)).map((l) => l.msg);
  for (const file of files)
    await expect.poll(() => [file, said(file)], { ...SAID, timeout: 60_000 }).toEqual([file, FEEDS[file]!.says]);
  expect(await daemon.stop()).toBe(0);
});
