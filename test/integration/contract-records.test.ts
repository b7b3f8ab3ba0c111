/** contract.md, "Records of a Redis stream", with `bin/millrace start` and nothing else than Redis to look at it. */
import { describe, expect, test } from 'vitest';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
/** Says each record whole. */
const TELL = `export const handler = async (event) => { for (const r of event.Records) console.log(JSON.stringify(r)); };`;

interface EventRecord {
  readonly kinesis: Record<string, unknown> & { readonly data: string; readonly approximateArrivalTimestamp: number };
  readonly eventID: string;
}

function told(daemon: TestDaemon, mapping = 'm'): EventRecord[] {
  return daemon.lines
    .filter((line) => line['stream'] === 'handler' && line['mapping'] === mapping)
    .map((line) => JSON.parse(line.msg) as EventRecord);
}

async function tellers(daemon: TestDaemon, count: number, mapping = 'm'): Promise<EventRecord[]> {
  return eventually(
    () => told(daemon, mapping),
    (records) => records.length >= count,
    { what: `${count} records of ${mapping}` },
  );
}

const text = (record: EventRecord) => Buffer.from(record.kinesis.data, 'base64').toString();
const warnings = (daemon: TestDaemon) => daemon.lines.filter((line) => /no times/.test(line.msg));
const mapping = (source: object) => ({
  function: 'f',
  source: { type: 'redis-stream', ...source },
  startingPosition: 'TRIM_HORIZON',
});

test('an entry is a Kinesis record of the documented shape', async () => {
  const w = await world(redis, { handler: TELL });
  await w.redis.xadd('s', '1732370000000-3', 'partitionKey', 'k', 'data', 'hello', 'other', '1');
  await w.redis.xadd('s', '1732370000000-4', 'a', '1', 'b', 'ü');
  const daemon = w.start();
  const [first, second] = await tellers(daemon, 2);
  expect(first).toEqual({
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: 'k',
      sequenceNumber: '173237000000000000000000000000003',
      data: Buffer.from('hello').toString('base64'),
      approximateArrivalTimestamp: 1_732_370_000,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: 'shardId-000000000000:173237000000000000000000000000003',
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: expect.any(String) as string,
    awsRegion: expect.any(String) as string,
    eventSourceARN: 'arn:millrace:redis:::stream/s',
  });
  expect(text(second!)).toBe('{"a":"1","b":"ü"}');
  expect(second!.kinesis['partitionKey']).toBe('s');
});

test('dataField and partitionKeyField name other fields; an entry without them is taken whole', async () => {
  const w = await world(redis, {
    handler: TELL,
    mappings: { m: mapping({ stream: 's', dataField: 'payload', partitionKeyField: 'user' }) },
  });
  await w.redis.xadd('s', '*', 'payload', 'p', 'user', 'u', 'data', 'not this', 'partitionKey', 'nor this');
  await w.redis.xadd('s', '*', 'x', '1');
  const [named, whole] = await tellers(w.start(), 2);
  expect([text(named!), named!.kinesis['partitionKey']]).toEqual(['p', 'u']);
  expect([text(whole!), whole!.kinesis['partitionKey']]).toEqual(['{"x":"1"}', 's']);
});

describe('ids that are no times', () => {
  test('count as having arrived when they were first seen, with one warning per shard, also after a restart', async () => {
    const w = await world(redis, { handler: TELL });
    await w.redis.xadd('s', '7-1', 'data', 'old');
    const before = Date.now();
    await w.redis.xadd('s', `${before}-0`, 'data', 'new');
    await w.redis.xadd('s', '99999999999999-0', 'data', 'far');
    const first = w.start();
    const [old, now, far] = await tellers(first, 3);
    // Redis runs on this machine: its clock is ours, but for the fractions that either cuts off.
    expect(old!.kinesis.approximateArrivalTimestamp * 1000).toBeGreaterThanOrEqual(before - 1);
    expect(now!.kinesis.approximateArrivalTimestamp).toBe(before / 1000);
    expect(far!.kinesis.approximateArrivalTimestamp).toBe(old!.kinesis.approximateArrivalTimestamp);
    expect(warnings(first)).toHaveLength(1);
    await first.stop();
    await w.redis.xadd('s', '99999999999999-1', 'data', 'farther');
    const second = w.start();
    await tellers(second, 1);
    expect(warnings(second)).toHaveLength(0);
  });

  test('first-seen is asked for: no warning; a stream made anew is seen anew', async () => {
    const w = await world(redis, { handler: TELL, mappings: { m: mapping({ stream: 's', arrival: 'first-seen' }) } });
    await w.redis.xadd('s', '1732370000000-0', 'data', 'imported');
    const daemon = w.start();
    const [imported] = await tellers(daemon, 1);
    expect(imported!.kinesis.approximateArrivalTimestamp).toBeGreaterThan(1_732_370_001);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '1',
      { what: 'the first record settled' },
    );
    await daemon.stop();
    await w.redis.del('s');
    await w.redis.xadd('s', '5-0', 'data', 'anew');
    const again = w.start();
    const [anew] = await tellers(again, 1);
    expect(anew!.kinesis.approximateArrivalTimestamp).toBeGreaterThan(imported!.kinesis.approximateArrivalTimestamp);
    expect([...warnings(daemon), ...warnings(again)]).toEqual([]);
    const [gap] = await w.notices();
    expect(gap!.requestContext.condition).toBe('SourceGap');
    expect(gap).not.toHaveProperty('payload');
  });
});

test('a key that is no stream is said in /readyz, holds up nobody, and is read once it is one', async () => {
  const w = await world(redis, {
    handler: TELL,
    mappings: { m: mapping({ stream: 's' }), bad: mapping({ stream: 'text' }) },
  });
  await w.redis.set('text', 'no stream');
  await w.redis.xadd('s', '*', 'data', 'fine');
  const daemon = w.start();
  const { http } = await daemon.ready;
  await tellers(daemon, 1);
  const readyz = () => fetch(`http://${String(http)}/readyz`);
  const refused = await eventually(readyz, (r) => r.status === 503, { what: 'not ready' });
  expect(await refused.json()).toEqual({ ok: false, reasons: ['bad: the Redis key "text" is a string, not a stream'] });
  await w.redis.del('text');
  await w.redis.xadd('text', '*', 'data', 'now');
  expect((await tellers(daemon, 1, 'bad')).map(text)).toEqual(['now']);
  await eventually(readyz, (r) => r.status === 200, { what: 'ready' });
});
