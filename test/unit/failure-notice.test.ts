import { describe, expect, it } from 'vitest';
import { buildNotice, type NoticeInput } from '../../src/failure/notice.ts';
import { readNotice } from '../../src/failure/read-notice.ts';

const EVENT = '{"Records":[{"kinesis":{"data":"e30="}}]}';

function input(giveUp: Partial<NoticeInput['giveUp']>, more: Partial<NoticeInput> = {}): NoticeInput {
  return {
    mapping: 'clicks',
    functionName: 'enrich',
    functionVersion: 'f00d',
    shardId: 'shardId-000000000000',
    streamArn: 'arn:millrace:redis:::stream/clicks',
    firstArrivalMs: 1732370000123,
    lastArrivalMs: 1732370001000,
    payload: EVENT,
    timestampMs: 1732370060456,
    ...more,
    giveUp: {
      condition: 'RetryAttemptsExhausted',
      first: '1732370000123-0',
      last: '1732370001000-7',
      count: 3,
      requestId: '6f9c1d1e-0000-4000-8000-000000000000',
      invokeCount: 2,
      functionError: 'Unhandled',
      error: { errorType: 'Error', errorMessage: 'no "such" ä' },
      ...giveUp,
    },
  };
}

describe('a failure notice', () => {
  it('is the OnFailure record of AWS, member by member, with ours behind it', () => {
    expect(buildNotice(input({}))).toBe(
      '{"requestContext":{"requestId":"6f9c1d1e-0000-4000-8000-000000000000",' +
        '"functionArn":"arn:millrace:lambda:::function:enrich","condition":"RetryAttemptsExhausted","approximateInvokeCount":2},' +
        '"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0",' +
        '"payload":"{\\"Records\\":[{\\"kinesis\\":{\\"data\\":\\"e30=\\"}}]}","timestamp":"2024-11-23T13:54:20.456Z",' +
        '"KinesisBatchInfo":{"shardId":"shardId-000000000000","startSequenceNumber":"173237000012300000000000000000000",' +
        '"endSequenceNumber":"173237000100000000000000000000007","approximateArrivalOfFirstRecord":"2024-11-23T13:53:20.123Z",' +
        '"approximateArrivalOfLastRecord":"2024-11-23T13:53:21.000Z","batchSize":3,"streamArn":"arn:millrace:redis:::stream/clicks"},' +
        '"mapping":"clicks","functionVersion":"f00d","error":{"errorType":"Error","errorMessage":"no \\"such\\" ä"}}',
    );
  });

  it('says functionError null when the response was the reason', () => {
    const notice = JSON.parse(buildNotice(input({ functionError: null, error: null }))) as Record<string, unknown>;
    expect(notice.responseContext).toEqual({ statusCode: 200, executedVersion: '$LATEST', functionError: null });
    expect(notice).not.toHaveProperty('error');
  });

  it('has no responseContext for expired records, nor for an event that was too large to be sent', () => {
    const expired = { condition: 'RecordAgeExceeded', functionError: 'Unhandled' } as const;
    for (const giveUp of [expired, { functionError: undefined }]) {
      expect(JSON.parse(buildNotice(input(giveUp)))).not.toHaveProperty('responseContext');
    }
  });

  it('names the missing positions of a gap, and has neither payload nor arrivals', () => {
    const gap = { condition: 'SourceGap', functionError: undefined, error: null, invokeCount: 0, count: 40 } as const;
    const text = buildNotice(input(gap, { payload: null, firstArrivalMs: null, lastArrivalMs: null }));
    const notice = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(notice)).toEqual([
      ...['requestContext', 'version', 'timestamp', 'KinesisBatchInfo', 'mapping', 'functionVersion'],
    ]);
    expect(notice.KinesisBatchInfo).toEqual({
      shardId: 'shardId-000000000000',
      startSequenceNumber: '173237000012300000000000000000000',
      endSequenceNumber: '173237000100000000000000000000007',
      batchSize: 40,
      streamArn: 'arn:millrace:redis:::stream/clicks',
    });
  });

  it('writes a time for ids that are none', () => {
    const notice = buildNotice(input({}, { firstArrivalMs: 2 ** 63 }));
    expect(notice).toContain('"approximateArrivalOfFirstRecord":"+275760-09-13T00:00:00.000Z"');
  });
});

describe('a notice of a final invocation', () => {
  const payload = '{"Records":[],"shardId":"clicks-3"}';
  const window = { start: '2024-11-23T13:53:00Z', end: '2024-11-23T13:54:00Z', final: true, early: false };
  const read = (more: Partial<NoticeInput>) => readNotice('1-0', buildNotice(input({}, { payload, window, ...more })));

  it('is read back: it has a shard and no records', () => {
    const none = { records: 0, first: '', last: '', payload };
    expect(read({})).toMatchObject({ ...none, shardId: 'shardId-000000000000' });
    expect(read({ kafka: { bootstrapServers: 'b:9092' } })).toMatchObject({ ...none, shardId: 'clicks-3' });
  });
});
