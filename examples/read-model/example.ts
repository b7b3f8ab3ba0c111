/** Changes of a table → sums per category, compared with the table at the end. */
import { fillStream } from '../fill-stream.ts';
import { startReceiver } from '../receiver.ts';
import type { Example, OpenExample } from '../run-example.ts';
import { tableAtWork } from './changes.ts';
import { judgeModel } from './judge.ts';
import { Model } from './model.ts';

export const readModel: Example = { about: 'a feed of changes, as DynamoDB tells them, builds a read model', open };

async function open(): Promise<OpenExample> {
  const { changes, categories } = tableAtWork();
  const model = new Model();
  const receiver = await startReceiver((request, response) => model.answer(request, response));
  return {
    env: { MODEL_ADDRESS: receiver.address },
    prepare: (url, keys) => fillStream(url, keys, { stream: 'changes', shards: 4, records: changes }),
    judge: () => Promise.resolve(judgeModel(model, categories, changes.length)),
    close: () => receiver.close(),
  };
}
