/** How long a unit waits after an attempt that did not settle it (contract.md: 0.2 s, doubling, at most 60 s, jitter up to 10 %). */
import { BACKOFF_FIRST_MS, BACKOFF_JITTER, BACKOFF_MAX_MS } from '../limits.ts';
import type { Unit } from '../record.ts';

/**
 * Wait in whole ms after the `tries`-th try (from 1). `random` is in [0, 1).
 * Jitter lengthens the wait, as AWS's measured 0.20–0.24 s does; at the bound it shortens it, so that the bound holds and blocked shards still spread.
 */
export function backoffMs(tries: number, random: number): number {
  // The exponent is bounded too: 2 ** 1024 is Infinity.
  const base = BACKOFF_FIRST_MS * 2 ** Math.min(Math.max(tries, 1) - 1, 30);
  if (base >= BACKOFF_MAX_MS) return Math.round(BACKOFF_MAX_MS * (1 - BACKOFF_JITTER * random));
  return Math.round(base * (1 + BACKOFF_JITTER * random));
}

/**
 * Redis ms before which a unit that is about to run is not repeated if this delivery is lost; 0: as soon as that is noticed, the first time.
 * `lost` counts this delivery, too, until it has an outcome.
 */
export function notBeforeIfLost({ lost }: Pick<Unit, 'lost'>, nowMs: number, random: number): number {
  return lost > 1 ? nowMs + backoffMs(lost - 1, random) : 0;
}
