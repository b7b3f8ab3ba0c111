/** What a settle counts: of each record, what became of it. */
import type { SettleCounts } from '../shard/settle.ts';
import type { Unit } from '../record.ts';
import type { Decision } from '../unit/types.ts';

export const NOTHING: SettleCounts = { succeeded: 0, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 };

export function countsOf({ succeeded, expired, givenUp, filtered, giveUps }: Decision): SettleCounts {
  const lost = giveUps.filter(({ condition }) => condition === 'SourceGap');
  return { succeeded, expired, givenUp, filtered, lostBySource: lost.reduce((n, { count }) => n + count, 0) };
}

/** Records of other lanes among those of these units. */
export function othersOf(units: readonly Unit[]): number {
  let others = 0;
  for (const { passes } of units) others += passes?.others ?? 0;
  return others;
}

export function sumOf(a: SettleCounts, b: SettleCounts): SettleCounts {
  const sum = { ...a };
  for (const key of Object.keys(b) as (keyof SettleCounts)[]) sum[key] += b[key];
  return sum;
}

/** Records that were read. */
export function recordsIn({ succeeded, expired, givenUp, filtered, lostBySource }: SettleCounts): number {
  return succeeded + expired + givenUp + filtered + lostBySource;
}
