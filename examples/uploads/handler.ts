/** Written for S3's notifications on AWS, and unchanged here: it tells an index which objects there are now. */
import type { S3Event, S3EventRecord } from 'aws-lambda';

export interface Change {
  readonly object: string;
  /** Bytes; null: the object is gone. */
  readonly size: number | null;
  /** Rises with every change of the same key: what the index orders by. */
  readonly sequencer: string;
}

export async function handler(event: S3Event): Promise<void> {
  const response = await fetch(`http://${process.env['INDEX']}/changes`, {
    method: 'POST',
    body: JSON.stringify(event.Records.map(changeOf)),
  });
  // An error is all that S3 handlers can answer: the whole batch comes again.
  if (!response.ok) throw new Error(`the index answers ${response.status}: ${await response.text()}`);
}

function changeOf({ eventName, s3 }: S3EventRecord): Change {
  // Keys come as in a query string: a space is "+", everything else that is special is escaped.
  const key = decodeURIComponent(s3.object.key.replaceAll('+', ' '));
  const size = eventName.startsWith('ObjectRemoved:') ? null : s3.object.size;
  return { object: `${s3.bucket.name}/${key}`, size, sequencer: s3.object.sequencer };
}
