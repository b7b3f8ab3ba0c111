/** R13: Redis' memory or disk is full, or it becomes a read-only replica: daemons stay, ask no faster for it, and go on by themselves. */
import { expect, test } from 'vitest';
import { startTwo } from './lab/going-on.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { REFUSALS, refuse } from './lab/refusals.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const TIMES = 2;
const ON_AGAIN_MS_MAX = 10_000;
/** Of a daemon, with 5 shards: a line per second for each thing that it does again. */
const LINES_PER_SECOND_MAX = 40;

test(`R13: a Redis that refuses, ${TIMES} times each`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r13', seed: seedOf(113), shards: 5, diskMayFill: true }, async (lab) => {
    await startTwo(lab);
    const lines = (): number => lab.daemons.reduce((sum, { process }) => sum + process.lines.length, 0);
    const figures: Record<string, number> = {};
    const most = (name: string, value: number): void => void (figures[name] = Math.max(figures[name] ?? 0, value));
    const times = timesOf(TIMES);
    for (let time = 0; time < times; time++) {
      for (const refusal of REFUSALS) {
        await pause(lab.random.between(0, 500));
        const [began, before] = [performance.now(), lines()];
        const again = await refuse(lab, refusal, lab.random.between(500, 2_000));
        most(`${refusal.name}, on again after ms`, Math.round(again));
        most('lines a second', Math.round((lines() - before) / ((performance.now() - began) / 1_000) / 2));
      }
    }
    const checked = await lab.check();
    report('R13', checked, { times, ...figures });
    mustBeClean(checked);
    for (const { name } of REFUSALS) expect(figures[`${name}, on again after ms`]).toBeLessThanOrEqual(ON_AGAIN_MS_MAX);
    expect(figures['lines a second']).toBeLessThanOrEqual(LINES_PER_SECOND_MAX);
    expect(checked.end.notices).toEqual([]);
    expect(lab.alive()).toHaveLength(lab.daemons.length);
  }),
);
