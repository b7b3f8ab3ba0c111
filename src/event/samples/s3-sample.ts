/** esm-semantics.md §2.4: the data are keys of objects, as text, or JSON objects with `key` and what else is known. */
import { urlEncoded } from '../s3.ts';
import { REGION, type SampleInput, WrittenNumber, digest, objectIn } from './sample-input.ts';

export function s3Sample({ data, nowMs, name }: SampleInput) {
  return {
    Records: data.map((bytes, index) => {
      const given = objectIn(bytes) ?? {};
      const key = textOf(given['key']) ?? bytes.toString('utf8');
      const versionId = textOf(given['versionId']);
      return {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: REGION,
        eventTime: new Date(nowMs).toISOString(),
        eventName: textOf(given['eventName']) ?? 'ObjectCreated:Put',
        userIdentity: { principalId: 'AWS:SAMPLE' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: {
          'x-amz-request-id': digest(nowMs, index).slice(0, 16).toUpperCase(),
          'x-amz-id-2': Buffer.from(digest(key, nowMs, index)).toString('base64'),
        },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'sample',
          bucket: { name, ownerIdentity: { principalId: 'SAMPLE' }, arn: `arn:aws:s3:::${name}` },
          object: {
            key: urlEncoded(key),
            size: given['size'] instanceof WrittenNumber ? Number(given['size'].text) : 0,
            eTag: textOf(given['eTag']) ?? digest(key),
            ...(versionId === undefined ? {} : { versionId }),
            sequencer: nowMs.toString(16).toUpperCase().padStart(16, '0'),
          },
        },
      };
    }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
