/** What the read model must say of the table. */
import type { Verdict } from '../run-example.ts';
import type { Category, Model } from './model.ts';

export interface Found extends Pick<Model, 'lostAnswers' | 'halves' | 'ignored'> {
  readonly categories: ReadonlyMap<string, Category>;
}

const NONE: Category = { products: 0, stock: 0 };

export function judgeModel(found: Found, expected: ReadonlyMap<string, Category>, changes: number): Verdict {
  const wrong: string[] = [];
  const rows: string[] = [];
  for (const name of [...new Set([...expected.keys(), ...found.categories.keys()])].sort()) {
    const model = found.categories.get(name) ?? NONE;
    const table = expected.get(name) ?? NONE;
    rows.push(`    ${name.padEnd(9)} ${said(model)}`);
    if (model.products === table.products && model.stock === table.stock) continue;
    wrong.push(`${name}: the table has ${said(table)}, the model ${said(model)}.`);
  }
  const repeats = `${found.lostAnswers} answers were lost, ${found.halves} requests were carried out by half; ${found.ignored} changes came again and were ignored`;
  return { lines: [`  read model, from ${changes} changes`, ...rows, `    repeats   ${repeats}`], wrong };
}

function said({ products, stock }: Category): string {
  return `${products} products, ${stock} in stock`;
}
