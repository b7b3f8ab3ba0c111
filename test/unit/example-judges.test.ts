/** What examples say of themselves can be no. */
import { describe, expect, test } from 'vitest';
import { judgeOrders } from '../../examples/orders/judge.ts';
import { type Charge, chargeOf, ordersOfADay } from '../../examples/orders/orders.ts';

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
