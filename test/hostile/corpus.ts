/** All hostile cases. Those of egress and of the list of globals have suites of their own. */
import type { HostileCase } from './case.ts';
import { ERRORS } from './cases/errors.ts';
import { LEFTOVERS, SLOW_LOADS } from './cases/leftovers.ts';
import { LOGS } from './cases/logs.ts';
import { MEMORY } from './cases/memory.ts';
import { POLLUTION } from './cases/pollution.ts';
import { REACH } from './cases/reach.ts';
import { RESULTS } from './cases/results.ts';
import { TIME } from './cases/time.ts';

export const CASES: readonly HostileCase[] = [
  ...TIME,
  ...MEMORY,
  ...RESULTS,
  ...ERRORS,
  ...REACH,
  ...POLLUTION,
  ...LOGS,
  ...LEFTOVERS,
];

export { SLOW_LOADS };

/** `number` or a part of the name; all without a filter. The slow ones only when they are named. */
export function casesOf(only: string | null): HostileCase[] {
  if (only === null) return [...CASES];
  const wanted = only.toLowerCase();
  return [...CASES, ...SLOW_LOADS].filter(
    (one) => String(one.number) === wanted || (!/^\d+$/.test(wanted) && one.name.toLowerCase().includes(wanted)),
  );
}
