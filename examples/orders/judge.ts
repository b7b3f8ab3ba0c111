/** What must have come of the orders. */
import type { Verdict } from '../run-example.ts';
import type { Ledger } from './ledger.ts';
import { chargeOf, type Order } from './orders.ts';

export interface Outcome {
  /** Charges before the redrive. */
  readonly before: number;
  /** Notices that are left. */
  readonly notices: number;
  /** Exit code of the command. */
  readonly redrive: number | null;
}

export function judgeOrders(
  orders: readonly Order[],
  { charges, repeats }: Pick<Ledger, 'charges' | 'repeats'>,
  outcome: Outcome,
): Verdict {
  const wrong: string[] = [];
  for (const order of orders) {
    const expected = chargeOf(order);
    const found = charges.filter(({ customer, number }) => customer === order.customer && number === order.number);
    const cents = found.map((charge) => charge.cents).join(' and ');
    if (found.length !== 1 || cents !== String(expected.cents))
      wrong.push(
        `Order ${order.number} of ${order.customer} costs ${expected.cents} cents; charged: ${cents || 'nothing'}.`,
      );
  }
  if (charges.length !== orders.length) wrong.push(`${charges.length} charges for ${orders.length} orders.`);
  const last = new Map<string, number>();
  // The one that was run again comes after the later ones: what a redrive does is beside the order.
  for (const { customer, number } of charges.slice(0, outcome.before)) {
    const previous = last.get(customer) ?? 0;
    if (number < previous) wrong.push(`Order ${number} of ${customer} was charged after order ${previous}.`);
    last.set(customer, number);
  }
  const again = charges.length - outcome.before;
  if (again !== 1) wrong.push(`${again} orders were charged by the redrive, not one.`);
  if (outcome.notices > 0) wrong.push(`${outcome.notices} notices are left.`);
  if (outcome.redrive !== 0) wrong.push(`The redrive ended with ${outcome.redrive}.`);
  const lines = [
    '  ledger',
    `    orders    ${charges.length} of ${orders.length} charged, ${outcome.before} before the redrive and ${again} by it`,
    `    repeats   ${repeats} orders came again with half of their batch, and were not charged twice`,
  ];
  return { lines, wrong };
}
