/** One line per run, so that figures are seen where the tests pass, too. */
import { availableParallelism } from 'node:os';
import type { CheckResult } from '../checker.ts';

/** Given by `npm run chaos`; the tests of every day use one seed each, so that a failure is looked at and not shrugged off. */
export function seedOf(standard: number): number {
  return Number(process.env['MILLRACE_CHAOS_SEED'] ?? standard);
}

/** How often a fault is done: more by `npm run chaos -- --times N`. */
export function timesOf(standard: number): number {
  return Math.round(standard * Number(process.env['MILLRACE_CHAOS_TIMES'] ?? 1));
}

/** By `npm run chaos`, with the machine to itself, and not beside other tests. */
export function isByHand(): boolean {
  return process.env['MILLRACE_CHAOS_TIMES'] !== undefined;
}

/** Those of the list that `npm test` has time for; all of them by `npm run chaos` with the file's name. */
export function everyDay<B extends { readonly name: string }>(
  all: readonly B[],
  ...names: readonly string[]
): readonly B[] {
  const some = all.filter(({ name }) => names.includes(name));
  if (some.length !== names.length) throw new Error(`not all of these are wrong builds: ${names.join(', ')}`);
  return isByHand() ? all : some;
}

/** By hand: the daemons are of that wrong build, and the run has to fail. */
export function wrongBuildAsked(): { readonly wrongBuild?: string } {
  const wrongBuild = process.env['MILLRACE_CHAOS_WRONG_BUILD'];
  return wrongBuild === undefined ? {} : { wrongBuild };
}

export function report(
  name: string,
  checked: Pick<CheckResult, 'reached'>,
  figures: Readonly<Record<string, number | string>> = {},
): void {
  const all = { ...checked.reached, ...figures, cores: availableParallelism() };
  const text = Object.entries(all).map(([key, value]) => `${key} ${value}`);
  process.stdout.write(`${name}: ${text.join(', ')}\n`);
}
