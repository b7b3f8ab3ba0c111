import { describe, expect, test } from 'vitest';
import { CHILD_LOSSES_AT_ONCE, CHILD_START_EVERY_FIRST_MS, CHILD_START_EVERY_MAX_MS } from '../../src/limits.ts';
import { StartBrake } from '../../src/sandbox/start-brake.ts';

/** Starts and loses one child after the other, as soon as it may, for `ms`; answers when each was started. */
function crashFor(brake: StartBrake, ms: number, from = 0): number[] {
  const starts: number[] = [];
  for (let now = from; ;) {
    now += brake.waitMs('v', now);
    if (now >= from + ms) return starts;
    starts.push(now);
    brake.lost('v', brake.started('v', now), now);
  }
}

describe('the brake on starts', () => {
  test('the first losses cost nothing; then the pauses double up to the longest', () => {
    const starts = crashFor(new StartBrake(CHILD_LOSSES_AT_ONCE), 60_000);
    const pauses = starts.slice(1).map((at, i) => Math.round(at - starts[i]!));
    expect(pauses.slice(0, CHILD_LOSSES_AT_ONCE - 1)).toEqual(Array(CHILD_LOSSES_AT_ONCE - 1).fill(0));
    const spaced = pauses.slice(CHILD_LOSSES_AT_ONCE - 1);
    const [first, max] = [CHILD_START_EVERY_FIRST_MS, CHILD_START_EVERY_MAX_MS];
    expect(spaced.slice(0, 4)).toEqual([2 * first, 4 * first, max, max]);
    expect(starts.length).toBeLessThan(CHILD_LOSSES_AT_ONCE + 60_000 / CHILD_START_EVERY_MAX_MS + 4);
  });

  test('one that dies at every second invocation may start one child in the first pause, for ever', () => {
    const brake = new StartBrake(CHILD_LOSSES_AT_ONCE);
    let started = 0;
    for (let now = 0; now < 100_000; now += 10) {
      if (brake.waitMs('v', now) > 0) continue;
      started++;
      brake.survived('v', brake.started('v', now), now);
      brake.lost('v', false, now);
    }
    expect(started).toBeGreaterThan(90);
    expect(started).toBeLessThan(100 + CHILD_LOSSES_AT_ONCE + 5);
  });

  test('many that are lost at once weigh no more than what may be lost at once', () => {
    const brake = new StartBrake(CHILD_LOSSES_AT_ONCE);
    for (let i = 0; i < 32; i++) brake.lost('v', false, 0);
    expect(brake.waitMs('v', 0)).toBe(CHILD_START_EVERY_FIRST_MS);
    expect(brake.waitMs('v', CHILD_START_EVERY_FIRST_MS)).toBe(0);
  });

  test('a function that recovers is slowed no longer: each start that is worth it is given back', () => {
    const brake = new StartBrake(CHILD_LOSSES_AT_ONCE);
    const [last] = crashFor(brake, 60_000).slice(-1);
    const now = last! + CHILD_START_EVERY_MAX_MS;
    for (let i = 0; i < 20; i++) {
      expect(brake.waitMs('v', now)).toBe(0);
      brake.survived('v', brake.started('v', now), now);
    }
    expect(brake.everyMs('v', now)).toBe(0);
  });

  test('another version begins with a clean sheet, and what was lost long ago is forgotten', () => {
    const brake = new StartBrake(CHILD_LOSSES_AT_ONCE);
    crashFor(brake, 60_000);
    expect(brake.waitMs('v', 60_000)).toBeGreaterThan(0);
    expect(brake.waitMs('fixed', 60_000)).toBe(0);
    const later = 60_000 + CHILD_LOSSES_AT_ONCE * CHILD_START_EVERY_MAX_MS;
    expect(brake.started('v', later)).toBe(false);
    expect(crashFor(brake, 1, later)).toHaveLength(CHILD_LOSSES_AT_ONCE);
  });
});
