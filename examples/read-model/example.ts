/** Changes of a table → sums per category, compared with the table at the end. */
import { fillStream } from '../fill-stream.ts';
import { startReceiver } from '../receiver.ts';
import type { Example, OpenExample, Verdict } from '../run-example.ts';
import { tableAtWork } from './changes.ts';
import { type Category, Model } from './model.ts';

export const readModel: Example = { about: 'a feed of changes, as DynamoDB tells them, builds a read model', open };

async function open(): Promise<OpenExample> {
  const { changes, categories } = tableAtWork();
  const model = new Model();
  const receiver = await startReceiver((request, response) => model.answer(request, response));
  return {
    env: { MODEL_ADDRESS: receiver.address },
    prepare: (url, keys) => fillStream(url, keys, { stream: 'changes', shards: 4, records: changes }),
    judge: () => Promise.resolve(judge(model, categories, changes.length)),
    close: () => receiver.close(),
  };
}

function judge(model: Model, expected: ReadonlyMap<string, Category>, changes: number): Verdict {
  const wrong: string[] = [];
  const rows: string[] = [];
  for (const name of [...new Set([...expected.keys(), ...model.categories.keys()])].sort()) {
    const found = model.categories.get(name) ?? { products: 0, stock: 0 };
    const { products, stock } = expected.get(name) ?? { products: 0, stock: 0 };
    rows.push(`    ${name.padEnd(9)} ${found.products} products, ${found.stock} in stock`);
    if (found.products === products && found.stock === stock) continue;
    wrong.push(`${name}: the table has ${products} products and ${stock} in stock, the model ${rows.at(-1)!.trim()}.`);
  }
  const repeats = `${model.lostAnswers} answers were lost, ${model.halves} requests were carried out by half; ${model.ignored} changes came again and were ignored`;
  return { lines: [`  read model, from ${changes} changes`, ...rows, `    repeats   ${repeats}`], wrong };
}
