/** Notifications of a bucket → an index of its objects, compared with the bucket at the end. */
import { fillStream } from '../fill-stream.ts';
import { startReceiver } from '../receiver.ts';
import type { Example, OpenExample, Verdict } from '../run-example.ts';
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
    judge: () => Promise.resolve(judge(index, objects, notifications.length)),
    close: () => receiver.close(),
  };
}

function judge(index: ObjectIndex, expected: ReadonlyMap<string, number>, notifications: number): Verdict {
  const found = index.objects();
  const lines = [
    '  index',
    `    objects   ${found.size} of ${expected.size}, from ${notifications} notifications`,
    `    repeats   ${index.lostAnswers} answers were lost and their batches came again; ${index.ignored} changes were old and ignored`,
  ];
  const wrong: string[] = [];
  for (const [object, size] of expected) {
    if (found.get(object) !== size) wrong.push(`${object} has ${size} bytes; the index says ${found.get(object)}.`);
  }
  for (const object of found.keys()) if (!expected.has(object)) wrong.push(`${object} is gone; the index has it.`);
  return { lines, wrong };
}
