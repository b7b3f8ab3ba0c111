/** What must be in the two streams: each order once, in its customer's order, and totals that are made of exactly these. */
import type { Verdict } from '../run-example.ts';
import { CENTS_PER_PIECE, type Enriched, type Order, type Total } from './stages.ts';

/** An output as it lies in its stream; shard after shard, a customer is in one of them. */
export interface Entry {
  readonly origin: string;
  readonly data: string;
}

export interface Found {
  readonly enriched: readonly Entry[];
  readonly archive: readonly Entry[];
  readonly kills: number;
}

export function judgeStages(orders: readonly Order[], { enriched, archive, kills }: Found): Verdict {
  const expected = new Map<string, number[]>();
  for (const { customer, pieces } of orders) {
    expected.set(customer, [...(expected.get(customer) ?? []), pieces * CENTS_PER_PIECE]);
  }
  const wrong = [...doubled('enriched', enriched), ...doubled('archive', archive)];
  if (enriched.length !== orders.length) wrong.push(`${enriched.length} orders are enriched, not ${orders.length}.`);
  const last = new Map<string, number>();
  for (const { data } of enriched) {
    const { customer, number, cents } = JSON.parse(data) as Enriched;
    wrong.push(...step(last, customer, number, number), ...sum(expected, customer, number, number, cents));
  }
  const archived = new Map<string, number>();
  let cents = 0;
  for (const { data } of archive) {
    const total = JSON.parse(data) as Total;
    const { customer, from, to } = total;
    wrong.push(...step(archived, customer, from, to), ...sum(expected, customer, from, to, total.cents));
    cents += total.cents;
  }
  for (const [customer, { length: each }] of expected) {
    const to = archived.get(customer) ?? 0;
    if (to !== each) wrong.push(`${customer}: the last order in the archive is ${to}, not ${each}.`);
  }
  const all = orders.reduce((whole, { pieces }) => whole + pieces * CENTS_PER_PIECE, 0);
  if (cents !== all) wrong.push(`the totals sum up to ${cents} cents, not ${all}.`);
  const lines = [
    '  archive',
    `    orders    ${enriched.length} of ${orders.length} enriched, in ${archive.length} totals of ${archived.size} customers`,
    `    sum       ${cents} of ${all} cents, after ${kills} kills`,
  ];
  return { lines, wrong };
}

function doubled(stream: string, entries: readonly Entry[]): string[] {
  const more = entries.length - new Set(entries.map(({ origin }) => origin)).size;
  return more > 0 ? [`${more} outputs are twice in "${stream}".`] : [];
}

function step(last: Map<string, number>, customer: string, from: number, to: number): string[] {
  const before = last.get(customer) ?? 0;
  last.set(customer, to);
  return from === before + 1 ? [] : [`${customer}: order ${from} comes after order ${before}.`];
}

function sum(
  expected: ReadonlyMap<string, readonly number[]>,
  customer: string,
  from: number,
  to: number,
  cents: number,
) {
  const right = (expected.get(customer) ?? []).slice(from - 1, to).reduce((whole, one) => whole + one, 0);
  return cents === right ? [] : [`${customer}: orders ${from} to ${to} are ${cents} cents, not ${right}.`];
}
