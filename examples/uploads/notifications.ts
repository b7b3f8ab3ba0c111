/** A bucket at work: uploads, overwrites and removals, told as MinIO's Redis target writes them; some are told twice, some late. */

export interface Notification {
  /** Partition key: all changes of an object in one shard. */
  readonly key: string;
  readonly data: unknown;
}

export interface Work {
  readonly notifications: readonly Notification[];
  /** What the bucket holds at the end: object → bytes. */
  readonly objects: ReadonlyMap<string, number>;
}

const BUCKET = 'photos';
/** So few that a late notification is overtaken by the next change of its object. */
const OBJECTS = 31;
const CHANGES = 1_200;
const BEGAN_MS = Date.UTC(2026, 10, 20, 8);
const SEQUENCER_BASE = 0x1809a3b2e0000000n;

export function workOfABucket(): Work {
  const notifications: Notification[] = [];
  const objects = new Map<string, number>();
  const late: Notification[] = [];
  for (let n = 0; n < CHANGES; n += 1) {
    const key = `2026/été & summer/photo ${(n * 37) % OBJECTS}+.jpg`;
    const gone = n % 6 === 5 && objects.has(`${BUCKET}/${key}`);
    if (gone) objects.delete(`${BUCKET}/${key}`);
    else objects.set(`${BUCKET}/${key}`, 1_000 + n);
    const notification = { key: `${BUCKET}/${key}`, data: told(key, n, gone ? null : 1_000 + n) };
    if (n % 50 === 10) late.push(notification);
    else notifications.push(notification);
    if (n % 40 === 20) notifications.push(notification);
    if (n % 50 === 49) notifications.push(...late.splice(0));
  }
  notifications.push(...late);
  return { notifications, objects };
}

function told(key: string, n: number, size: number | null): unknown {
  const eventTime = new Date(BEGAN_MS + n * 250).toISOString();
  const object = {
    key: encodeURIComponent(key).replaceAll('%20', '+'),
    ...(size === null ? {} : { size, eTag: n.toString(16).padStart(32, '0'), contentType: 'image/jpeg' }),
    sequencer: (SEQUENCER_BASE + BigInt(n) * 4_096n).toString(16).toUpperCase(),
  };
  const record = {
    ...{ eventVersion: '2.0', eventSource: 'minio:s3', awsRegion: '', eventTime },
    eventName: size === null ? 's3:ObjectRemoved:Delete' : 's3:ObjectCreated:Put',
    userIdentity: { principalId: 'minio' },
    requestParameters: { principalId: 'minio', region: '', sourceIPAddress: '172.18.0.1' },
    responseElements: { 'x-amz-request-id': n.toString(16).toUpperCase().padStart(16, '0') },
    s3: {
      ...{ s3SchemaVersion: '1.0', configurationId: 'Config' },
      bucket: { name: BUCKET, ownerIdentity: { principalId: 'minio' }, arn: `arn:aws:s3:::${BUCKET}` },
      object,
    },
  };
  return [{ Event: [record], EventTime: eventTime }];
}
