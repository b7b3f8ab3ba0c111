/** Sums over tumbling windows under R1, R5, R8 and R9: each window once, each record in it once, however often daemons and Redis are killed. */
import { expect, test } from 'vitest';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { makeZombie } from './lab/mixed.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { checkSums, WINDOWED } from './lab/windows.ts';
import { WINDOW_WRONG_BUILDS } from './wrong-builds/window-builds.ts';

const DAEMONS = 3;
const SPEC = { shards: 4, ...WINDOWED };
const START = ['--concurrency', '6'] as const;
const KILLS = 15;
const ZOMBIES = 1;
const EVERYTHING = 1;
const REDIS = 1;
const WRONG_RUNS_MAX = 6;
const WRONG_KILLS = 8;

async function startAll(lab: Lab): Promise<void> {
  const missing = DAEMONS - lab.alive().length;
  const started = Array.from({ length: missing }, () => lab.start(...START));
  await Promise.all(started.map((daemon) => daemon.process.ready));
}

async function begin(lab: Lab): Promise<void> {
  await startAll(lab);
  lab.producer.start({ perSecond: 20, work: [5, 30], failing: 0.02 });
  await pause(1_000);
}

async function killSome(lab: Lab, kills: number): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    await pause(lab.random.between(50, 800));
    await lab.kill(lab.random.pick(await lab.someReady(null, 1)));
    lab.start(...START);
  }
}

test(
  `sums over windows: ${KILLS} daemons killed, ${ZOMBIES} stopped, everything ${EVERYTHING} times, Redis ${REDIS} times`,
  { timeout: 7_200_000 },
  () =>
    withLab({ ...SPEC, name: 'windows', seed: seedOf(140), drainMsMax: 150_000 }, async (lab) => {
      await begin(lab);
      await killSome(lab, timesOf(KILLS));
      for (let zombie = 0; zombie < timesOf(ZOMBIES); zombie++) {
        await makeZombie(lab, lab.random.pick(await lab.someReady(null, 1)));
      }
      for (let time = 0; time < timesOf(EVERYTHING); time++) {
        await pause(lab.random.between(300, 2_000));
        await lab.killEverything();
        await startAll(lab);
      }
      for (let time = 0; time < timesOf(REDIS); time++) {
        await pause(lab.random.between(500, 2_000));
        await lab.restartRedis(lab.random.between(0, 1_000));
      }
      const checked = await lab.check();
      const { violations, records, windows, parts } = await checkSums(lab);
      const faults = { kills: timesOf(KILLS), zombies: timesOf(ZOMBIES), everything: timesOf(EVERYTHING) };
      const figures = { ...faults, redis: timesOf(REDIS), records, windows, parts, wrong: violations.length };
      report('windows', checked, figures);
      expect(violations).toEqual([]);
      mustBeClean(checked);
      expect(records).toBeGreaterThan(100);
      expect(windows).toBeGreaterThan(20);
    }),
);

test.each(WINDOW_WRONG_BUILDS)('the checker rejects: $name', { timeout: 600_000 }, async (build) => {
  for (let run = 0; run < WRONG_RUNS_MAX; run++) {
    const seed = seedOf(141) + run;
    const spec = { ...SPEC, name: 'windows wrong', seed, wrongBuild: build.name };
    const seen = await withLab(spec, async (lab) => {
      await begin(lab);
      await killSome(lab, WRONG_KILLS);
      await lab.drain();
      const { violations } = await checkSums(lab);
      return new Set<string>(violations.map(({ kind }) => kind));
    });
    if (build.breaks.every((kind) => !seen.has(kind))) continue;
    process.stdout.write(`wrong build: ${build.name}, run ${run + 1}, seen ${[...seen].join(' ')}\n`);
    return;
  }
  expect.unreachable(`not caught within ${WRONG_RUNS_MAX} runs`);
});
