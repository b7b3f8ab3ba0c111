/** What examples say of themselves can be no. */
import { describe, expect, test } from 'vitest';
import { type Entry, judgeStages } from '../../examples/exactly-once/judge.ts';
import { ordersOfCustomers } from '../../examples/exactly-once/orders.ts';
import type { Order, Total } from '../../examples/exactly-once/stages.ts';
import { readFlights } from '../../examples/flights/fill.ts';
import type { Departure } from '../../examples/flights/handler.ts';
import { judgeFlights } from '../../examples/flights/judge.ts';
import { judgeOrders } from '../../examples/orders/judge.ts';
import { type Charge, chargeOf, ordersOfADay } from '../../examples/orders/orders.ts';
import { tableAtWork } from '../../examples/read-model/changes.ts';
import { judgeModel } from '../../examples/read-model/judge.ts';
import type { Category } from '../../examples/read-model/model.ts';
import { judgeUploads } from '../../examples/uploads/judge.ts';
import { workOfABucket } from '../../examples/uploads/notifications.ts';

/** With two neighbours that changed places. */
function swapped<T>(list: readonly T[], at: number): T[] {
  return [...list.slice(0, at), list[at + 1]!, list[at]!, ...list.slice(at + 2)];
}

/** With one that is another. */
function changed<T>(list: readonly T[], at: number, to: (one: T) => T): T[] {
  return list.map((one, index) => (index === at ? to(one) : one));
}

describe('orders', () => {
  const orders = ordersOfADay();
  const poison = orders.find(({ coupon }) => coupon === null)!;
  const live = orders.filter((order) => order !== poison).map(chargeOf);
  const good = { before: live.length, notices: 0, redrive: 0 };
  const judged = (charges: readonly Charge[], outcome = {}) =>
    judgeOrders(orders, { charges: [...charges], repeats: 0 }, { ...good, ...outcome }).wrong;
  const all = [...live, chargeOf(poison)];

  test('as it must be', () => expect(judged(all)).toEqual([]));

  test.for<[string, readonly Charge[], object, RegExp]>([
    ['an order is lost', all.slice(1), { before: live.length - 1 }, /^Order 1 of c0 costs .* charged: nothing/],
    ['the poison one never came back', live, {}, /^Order \d+ of c7 .* charged: nothing/],
    ['one is charged twice', [...live, live[5]!, chargeOf(poison)], { before: live.length + 1 }, / and \d+\.$/],
    ['one has another price', [{ ...all[0]!, cents: 1 }, ...all.slice(1)], {}, /charged: 1\.$/],
    [
      'two of a customer changed places',
      [...all.slice(20, 21), ...all.slice(0, 20), ...all.slice(21)],
      {},
      /after order/,
    ],
    ['the notice stayed', all, { notices: 1 }, /^1 notices are left/],
    ['the redrive ended with 2', all, { redrive: 2 }, /^The redrive ended with 2/],
  ])('%s', ([, charges, outcome, sentence]) => {
    const wrong = judged(charges, outcome);
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong.join('\n')).toMatch(new RegExp(sentence.source, 'm'));
  });
});

describe('uploads', () => {
  const { objects, notifications } = workOfABucket();
  const [object, size] = [...objects][3]!;
  const judged = (found: ReadonlyMap<string, number>) =>
    judgeUploads({ objects: found, lostAnswers: 1, ignored: 1 }, objects, notifications.length).wrong;
  const but = (edit: (found: Map<string, number>) => void) => {
    const found = new Map(objects);
    edit(found);
    return judged(found);
  };

  test('as it must be', () => expect(judged(objects)).toEqual([]));

  test.for<[string, (found: Map<string, number>) => void, string]>([
    ['an object is lost', (found) => found.delete(object), `${object} has ${size} bytes; the index does not know it.`],
    ['an old change came last', (found) => found.set(object, 1), `${object} has ${size} bytes; the index says 1.`],
    ['a removal is lost', (found) => found.set('photos/gone', 5), 'photos/gone is gone; the index has it.'],
  ])('%s', ([, edit, sentence]) => expect(but(edit)).toEqual([sentence]));
});

describe('read-model', () => {
  const { categories, changes } = tableAtWork();
  const toys = categories.get('toys')!;
  const judged = (found: readonly (readonly [string, Category])[]) =>
    judgeModel({ categories: new Map(found), lostAnswers: 1, halves: 1, ignored: 1 }, categories, changes.length).wrong;
  const but = (toys: Category) => judged([...categories, ['toys', toys]]);
  const table = `toys: the table has ${toys.products} products, ${toys.stock} in stock, the model`;

  test('as it must be', () => expect(judged([...categories])).toEqual([]));

  test('a change is lost, counted twice, or another one', () => {
    for (const found of [
      { products: toys.products - 1, stock: toys.stock - 7 },
      { products: toys.products + 1, stock: toys.stock + 7 },
      { products: toys.products, stock: toys.stock + 1 },
    ])
      expect(but(found)).toEqual([`${table} ${found.products} products, ${found.stock} in stock.`]);
  });

  test('a category is missing, or there is one too many', () => {
    expect(judged([...categories].filter(([name]) => name !== 'toys'))).toEqual([`${table} 0 products, 0 in stock.`]);
    expect(judged([...categories, ['cars', { products: 1, stock: 2 }]])).toEqual([
      'cars: the table has 0 products, 0 in stock, the model 1 products, 2 in stock.',
    ]);
  });
});

describe('exactly-once', () => {
  const orders = ordersOfCustomers();
  const priceOf = ({ pieces }: Order) => pieces * 250;
  const of = (customer: string) => orders.filter((order) => order.customer === customer);
  const customers = [...new Set(orders.map(({ customer }) => customer))];
  // A customer lies in one shard, and shards are read one after the other.
  const enriched: Entry[] = customers.flatMap((customer) =>
    of(customer).map((order) => ({
      origin: `enrich-${customer}-${order.number}`,
      data: JSON.stringify({ ...order, cents: priceOf(order) }),
    })),
  );
  const archive: Entry[] = customers.flatMap((customer) =>
    [0, 40].map((from) => {
      const part = of(customer).slice(from, from === 0 ? 40 : 100);
      const cents = part.reduce((sum, order) => sum + priceOf(order), 0);
      const total: Total = { customer, from: from + 1, to: from + part.length, cents };
      return { origin: `total-${customer}-${from}`, data: JSON.stringify(total) };
    }),
  );
  const judged = (found: Partial<{ enriched: readonly Entry[]; archive: readonly Entry[] }>) =>
    judgeStages(orders, { enriched, archive, kills: 2, ...found }).wrong.join('\n');
  const edit = (change: object) => (entry: Entry) => ({
    ...entry,
    data: JSON.stringify({ ...(JSON.parse(entry.data) as object), ...change }),
  });

  test('as it must be', () => expect(judged({})).toBe(''));

  test('an output of the first stage is lost, doubled, misordered or wrong', () => {
    expect(judged({ enriched: enriched.slice(1) })).toBe(
      '1999 orders are enriched, not 2000.\nc0: order 2 comes after order 0.',
    );
    expect(judged({ enriched: [...enriched, enriched.at(-1)!] })).toMatch(
      /^1 outputs are twice in "enriched".\n2001 orders are enriched, not 2000.\nc19: order 100 comes after order 100.$/,
    );
    expect(judged({ enriched: swapped(enriched, 4) })).toMatch(/^c0: order 6 comes after order 4.\nc0: order 5 comes/);
    expect(judged({ enriched: changed(enriched, 4, edit({ cents: 3 })) })).toMatch(
      /^c0: orders 5 to 5 are 3 cents, not \d+.$/,
    );
  });

  test('a total is lost, doubled, misordered or wrong', () => {
    expect(judged({ archive: archive.slice(0, -1) })).toMatch(
      /^c19: the last order in the archive is 40, not 100.\nthe totals sum up to \d+ cents, not \d+.$/,
    );
    expect(judged({ archive: archive.slice(2) })).toMatch(/^c0: the last order in the archive is 0, not 100.$/m);
    expect(judged({ archive: [...archive, archive.at(-1)!] })).toMatch(/^1 outputs are twice in "archive".$/m);
    expect(judged({ archive: swapped(archive, 0) })).toMatch(/^c0: order 41 comes after order 0.$/m);
    // Two that are wrong and sum up to the right thing all the same.
    const off = (by: number) => (entry: Entry) => {
      const { cents } = JSON.parse(entry.data) as Total;
      return edit({ cents: cents + by })(entry);
    };
    const wrong = judged({ archive: changed(changed(archive, 0, off(250)), 1, off(-250)) }).split('\n');
    expect(wrong.map((sentence) => sentence.slice(0, 19))).toEqual(['c0: orders 1 to 40 ', 'c0: orders 41 to 10']);
  });
});

describe('flights', async () => {
  // The poison one among them.
  const numbered = (await readFlights()).slice(0, 10_000);
  const poison = numbered.find(({ distance }) => typeof distance !== 'number')!;
  const poisoned = `${poison.origin} ${poison.number}`;
  const departures = numbered
    .filter((flight) => flight !== poison)
    .map(({ origin: airport, number, date, destination }): Departure => {
      return { airport, number, text: `${date}  ${airport} → ${destination}  100 km  early` };
    });
  const judged = (taken: readonly Departure[], givenUp: readonly string[] = [poisoned]) =>
    judgeFlights(numbered, { departures: taken, givenUp, refused: 1 }).wrong;
  const first = departures[0]!;
  const name = `${first.airport} ${first.number}`;

  test('as it must be', () => expect(judged(departures)).toEqual([]));

  test('one is lost, at the start of its airport or at its end', () => {
    expect(judged(departures.slice(1))).toEqual([`lost: ${name}.`]);
    const last = departures.at(-1)!;
    expect(judged(departures.slice(0, -1))).toEqual([`lost: ${last.airport} ${last.number}.`]);
    expect(judged(departures, [])).toEqual([`lost: ${poisoned}.`]);
  });

  test('one is there twice', () => {
    expect(judged([...departures, first])).toEqual([`on the board twice: ${name}.`]);
    const there = {
      ...first,
      airport: poison.origin,
      number: poison.number,
      text: `${poison.date}  ${poison.origin} → ${poison.destination}  `,
    };
    expect(judged([...departures, there]).at(-1)).toBe(`on the board, and given up: ${poisoned}.`);
    expect(judged(departures, [poisoned, poisoned])).toEqual([`given up twice: ${poisoned}.`]);
  });

  test('two of an airport changed places', () => {
    const later = departures.findIndex(({ airport, number }) => airport === first.airport && number === 2);
    const moved = [departures[later]!, ...departures.slice(0, later), ...departures.slice(later + 1)];
    expect(judged(moved)).toEqual([`out of order: ${name}.`]);
  });

  test('one is another, or of no airport, or given up without a reason', () => {
    const text = departures[1]!.text;
    expect(judged(changed(departures, 0, (one) => ({ ...one, text })))).toEqual([
      `on the board, but otherwise than in the data: ${name}.`,
    ]);
    expect(judged([...departures, { airport: 'XYZ', number: 1, text }])).toEqual([
      'on the board, and in no data: XYZ 1.',
    ]);
    expect(judged(departures.slice(1), [poisoned, name])).toEqual([`given up without a reason: ${name}.`]);
  });

  test('many are not all named', () => {
    expect(judged([])[0]).toMatch(/^lost: (\w+ \d+, ){9}\w+ \d+ and 9989 more\.$/);
  });
});
