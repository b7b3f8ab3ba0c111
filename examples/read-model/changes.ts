/** A table of products at work: what it tells of its changes, and what it holds at the end. */
import type { AttributeValue } from 'aws-lambda';
import type { Category } from './model.ts';

interface Product {
  readonly id: string;
  readonly category: string;
  readonly stock: number;
}

export interface TableAtWork {
  /** Keyed by the item, so that its changes stay in order. */
  readonly changes: readonly { readonly key: string; readonly data: unknown }[];
  readonly categories: ReadonlyMap<string, Category>;
}

const CHANGES = 3_000;
const PRODUCTS = 200;
const CATEGORIES = ['books', 'garden', 'music', 'tools', 'toys'];

export function tableAtWork(): TableAtWork {
  const table = new Map<string, Product>();
  const changes = Array.from({ length: CHANGES }, (_, n) => {
    const id = `p${(n * 61) % PRODUCTS}`;
    const before = table.get(id);
    const after = before !== undefined && n % 5 === 0 ? undefined : productAt(id, n);
    if (after === undefined) table.delete(id);
    else table.set(id, after);
    return { key: id, data: told(before, after, id) };
  });
  const categories = new Map<string, Category>();
  for (const { category, stock } of table.values()) {
    const known = categories.get(category) ?? { products: 0, stock: 0 };
    categories.set(category, { products: known.products + 1, stock: known.stock + stock });
  }
  return { changes, categories };
}

function productAt(id: string, n: number): Product {
  return { id, category: CATEGORIES[(n >> 3) % CATEGORIES.length]!, stock: (n * 7) % 90 };
}

function told(before: Product | undefined, after: Product | undefined, id: string): unknown {
  return {
    eventName: before === undefined ? 'INSERT' : after === undefined ? 'REMOVE' : 'MODIFY',
    dynamodb: {
      Keys: { id: { S: id } },
      ...(before === undefined ? {} : { OldImage: imageOf(before) }),
      ...(after === undefined ? {} : { NewImage: imageOf(after) }),
    },
  };
}

function imageOf({ id, category, stock }: Product): Record<string, AttributeValue> {
  return {
    id: { S: id },
    category: { S: category },
    stock: { N: String(stock) },
    sold: { BOOL: stock === 0 },
    tags: { SS: [category, 'all'] },
    size: { M: { unit: { S: 'cm' }, sides: { L: [{ N: '10' }, { N: '20' }] } } },
  };
}
