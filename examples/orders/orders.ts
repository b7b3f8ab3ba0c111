/** What the shop sells: orders of some customers, each with a coupon but for one. */

export interface Order {
  readonly customer: string;
  /** The customer's own, from 1 on. */
  readonly number: number;
  readonly pieces: number;
  readonly coupon: { readonly cents: number } | null;
}

export interface Charge {
  readonly customer: string;
  readonly number: number;
  readonly cents: number;
}

const CUSTOMERS = 20;
const ORDERS = 1_000;
const CENTS_PER_PIECE = 250;
/** In the middle of its customer's orders. */
const WITHOUT_COUPON = 407;

export function ordersOfADay(): Order[] {
  return Array.from({ length: ORDERS }, (_, n): Order => ({
    ...{ customer: `c${n % CUSTOMERS}`, number: Math.floor(n / CUSTOMERS) + 1, pieces: (n % 9) + 1 },
    coupon: n === WITHOUT_COUPON ? null : { cents: n % 7 },
  }));
}

export function chargeOf({ customer, number, pieces, coupon }: Order): Charge {
  return { customer, number, cents: pieces * CENTS_PER_PIECE - (coupon?.cents ?? 0) };
}
