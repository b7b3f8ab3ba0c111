/** The mended version. */
import { charging } from './charging.ts';

export const handler = charging(({ pieces, coupon }) => pieces * 250 - (coupon?.cents ?? 0));
