/** Wall clocks of daemons that are wrong: how, and when they are set (skewed-clock.ts is what a daemon loads). */
import type { Lab, LabDaemon } from './lab.ts';
import type { Random } from './random.ts';

export interface ClockPlan {
  /** Of the true time, at the start. */
  readonly aheadMs: number;
  /** Milliseconds more per millisecond; negative: it is slow. */
  readonly drift: number;
  /** What it is ahead of the true time after each setting, again and again. */
  readonly jumps: readonly number[];
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** Steps of a clock: set by an hour or a day and an hour, an hour of summer time that somebody's clock has, a leap second. */
const STEPS: Readonly<Record<string, readonly number[]>> = {
  'an hour ahead': [HOUR],
  'an hour behind': [-HOUR],
  '25 hours ahead': [25 * HOUR],
  '25 hours behind': [-25 * HOUR],
  'summer time and back': [HOUR, 0],
  'a leap second, twice over': [-SECOND, SECOND, 0],
};
export const KINDS = Object.keys(STEPS);

export const CLOCKS = new URL('./skewed-clock.ts', import.meta.url).href;

/** Every kind of step `times` times, in an order of the seed's. */
export function drawJumps(random: Random, times: number): number[] {
  const kinds = Array.from({ length: times }, () => random.some(KINDS, KINDS.length)).flat();
  return kinds.flatMap((kind) => STEPS[kind]!);
}

export function startWithClock(lab: Lab, plan: ClockPlan, ...args: readonly string[]): LabDaemon {
  return lab.startIn({ MILLRACE_TEST_CLOCK: JSON.stringify(plan) }, ...args);
}

/** No shard may notice: nothing that it does is excused by it. */
export async function setClock(lab: Lab, daemon: LabDaemon): Promise<void> {
  const id = await lab.beginFault('clock set');
  daemon.process.kill('SIGUSR2');
  await lab.healFault(id, 'clock set', []);
}
