/** 20,000 real flights (US domestic, first quarter of 2001; vega-datasets, BSD-3-Clause) → a sharded stream of 8 shards. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

interface RawFlight {
  readonly date: string;
  readonly delay: number;
  readonly distance: number | string;
  readonly origin: string;
  readonly destination: string;
}

export interface NumberedFlight extends RawFlight {
  /** Among the flights of its origin, from 1. */
  readonly number: number;
}

export const SHARDS = 8;
/** This one has no distance that a number could be made of: it fails however often it is tried. */
const POISON_INDEX = 9_999;
/** Every so many flights one finds its gate closed, and is taken only after some more tries. */
const CLOSED_EVERY = 2_500;
const CLOSED_TRIES = 3;

export async function readFlights(): Promise<NumberedFlight[]> {
  const home = path.dirname(createRequire(import.meta.url).resolve('vega-datasets'));
  const raw = JSON.parse(await readFile(path.join(home, '..', 'data', 'flights-20k.json'), 'utf8')) as RawFlight[];
  const numbers = new Map<string, number>();
  return raw.map((flight, index) => {
    const number = (numbers.get(flight.origin) ?? 0) + 1;
    numbers.set(flight.origin, number);
    return { ...flight, number, distance: index === POISON_INDEX ? 'unknown' : flight.distance };
  });
}

/** `airport number` → how often the board refuses that departure. */
export function closedGates(flights: readonly NumberedFlight[]): Map<string, number> {
  const some = flights.filter((_, index) => index % CLOSED_EVERY === CLOSED_EVERY / 2);
  return new Map(some.map(({ origin, number }) => [`${origin} ${number}`, CLOSED_TRIES]));
}
