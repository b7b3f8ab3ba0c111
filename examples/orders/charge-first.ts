/** The first version: somebody thought that every order has a coupon, if only one of 0 cents. */
import { charging } from './charging.ts';

export const handler = charging(({ pieces, coupon }) => pieces * 250 - coupon!.cents);
