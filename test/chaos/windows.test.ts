/** Sums over tumbling windows under R1, R5, R8 and R9: each window once, each record in it once, however often daemons and Redis are killed. */
import { expect, test } from 'vitest';
import { killSome, killTheRest, mustBeCaught, startAll, timesOfAll, wordsOf } from './lab/every-way.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { everyDay, report, seedOf } from './lab/report.ts';
import { checkSums, WINDOWED } from './lab/windows.ts';
import { WINDOW_WRONG_BUILDS } from './wrong-builds/window-builds.ts';

const SPEC = { shards: 4, ...WINDOWED };
const WAYS = { kills: 10, zombies: 1, everything: 1, redis: 1 };
const WRONG_RUNS_MAX = 6;
const WRONG_KILLS = 8;
const BETWEEN_MS = [50, 800] as const;

async function begin(lab: Lab): Promise<void> {
  await startAll(lab);
  lab.producer.start({ perSecond: 20, work: [5, 30], failing: 0.02 });
  await pause(1_000);
}

test(`sums over windows: ${wordsOf(WAYS)}`, { timeout: 7_200_000 }, () =>
  withLab({ ...SPEC, name: 'windows', seed: seedOf(140), drainMsMax: 150_000 }, async (lab) => {
    await begin(lab);
    const ways = timesOfAll(WAYS);
    await killSome(lab, ways.kills, BETWEEN_MS);
    await killTheRest(lab, ways);
    const checked = await lab.check();
    const { violations, records, windows, parts } = await checkSums(lab);
    report('windows', checked, { ...ways, records, windows, parts, wrong: violations.length });
    expect(violations).toEqual([]);
    mustBeClean(checked);
    expect(records).toBeGreaterThan(100);
    expect(windows).toBeGreaterThan(20);
  }),
);

test.each(everyDay(WINDOW_WRONG_BUILDS))('the checker rejects: $name', { timeout: 600_000 }, (build) =>
  mustBeCaught(build, WRONG_RUNS_MAX, (run) =>
    withLab({ ...SPEC, name: 'windows wrong', seed: seedOf(141) + run, wrongBuild: build.name }, async (lab) => {
      await begin(lab);
      await killSome(lab, WRONG_KILLS, BETWEEN_MS);
      await lab.drain();
      return (await checkSums(lab)).violations.map(({ kind }) => kind);
    }),
  ),
);
