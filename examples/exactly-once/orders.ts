/** The orders that go in: each customer's in order, those of all customers in turns. */
import type { Order } from './stages.ts';

const CUSTOMERS = 20;
export const ORDERS = 2_000;

export function ordersOfCustomers(): Order[] {
  return Array.from({ length: ORDERS }, (_, n) => {
    return { customer: `c${n % CUSTOMERS}`, number: Math.floor(n / CUSTOMERS) + 1, pieces: (n % 9) + 1 };
  });
}
