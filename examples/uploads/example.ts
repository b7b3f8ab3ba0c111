/** Notifications of a bucket → an index of its objects, compared with the bucket at the end. */
import { fillStream } from '../fill-stream.ts';
import { startReceiver } from '../receiver.ts';
import type { Example, OpenExample } from '../run-example.ts';
import { judgeUploads } from './judge.ts';
import { workOfABucket } from './notifications.ts';
import { ObjectIndex } from './object-index.ts';

export const uploads: Example = {
  about: 'notifications of a bucket, as MinIO sends them, build an index of objects',
  open,
};

async function open(): Promise<OpenExample> {
  const { notifications, objects } = workOfABucket();
  const index = new ObjectIndex();
  const receiver = await startReceiver((request, response) => index.answer(request, response));
  return {
    env: { INDEX_ADDRESS: receiver.address },
    prepare: (url, keys) => fillStream(url, keys, { stream: 'uploads', shards: 4, records: notifications }),
    judge: () => {
      const { lostAnswers, ignored } = index;
      const found = { objects: index.objects(), lostAnswers, ignored };
      return Promise.resolve(judgeUploads(found, objects, notifications.length));
    },
    close: () => receiver.close(),
  };
}
