/** Three stages under R1, R5, R8 and R9: each output once, in order, however often daemons and Redis are killed (docs/pipelines.md). */
import { expect, test } from 'vitest';
import { type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { makeZombie } from './lab/mixed.ts';
import { checkPipeline, makeStreams, PIPELINE } from './lab/pipeline.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { PIPELINE_WRONG_BUILDS } from './wrong-builds/pipeline-builds.ts';

const DAEMONS = 3;
const SPEC = { shards: 4, ...PIPELINE };
const START = ['--concurrency', '6'] as const;
const KILLS = 20;
const ZOMBIES = 1;
const EVERYTHING = 1;
const REDIS = 1;
/** Long enough for a zombie of a wrong build to be caught in the act. */
const WRONG_RUNS_MAX = 6;

async function startAll(lab: Lab): Promise<void> {
  const missing = DAEMONS - lab.alive().length;
  const started = Array.from({ length: missing }, () => lab.start(...START));
  await Promise.all(started.map((daemon) => daemon.process.ready));
}

async function begin(lab: Lab): Promise<void> {
  await makeStreams(lab);
  await startAll(lab);
  lab.producer.start({ perSecond: 15, work: [5, 30], failing: 0.02 });
  await pause(1_000);
}

test(
  `a pipeline: ${KILLS} daemons killed, ${ZOMBIES} stopped, everything ${EVERYTHING} times, Redis ${REDIS} times`,
  {
    timeout: 7_200_000,
  },
  () =>
    withLab({ ...SPEC, name: 'pipeline', seed: seedOf(130), drainMsMax: 150_000 }, async (lab) => {
      await begin(lab);
      for (let kill = 0; kill < timesOf(KILLS); kill++) {
        await pause(lab.random.between(50, 800));
        await lab.kill(lab.random.pick(await lab.someReady(null, 1)));
        lab.start(...START);
      }
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
      const { violations, records, archived } = await checkPipeline(lab);
      const kills = { kills: timesOf(KILLS), zombies: timesOf(ZOMBIES), everything: timesOf(EVERYTHING) };
      report('pipeline', checked, { ...kills, redis: timesOf(REDIS), records, archived, wrong: violations.length });
      expect(violations).toEqual([]);
      mustBeClean(checked);
      expect(records).toBeGreaterThan(100);
    }),
);

test.each(PIPELINE_WRONG_BUILDS)('the checker rejects: $name', { timeout: 600_000 }, async (build) => {
  for (let run = 0; run < WRONG_RUNS_MAX; run++) {
    const seed = seedOf(131) + run;
    const seen = await withLab({ ...SPEC, name: 'pipeline wrong', seed, wrongBuild: build.name }, async (lab) => {
      await begin(lab);
      for (let round = 0; round < 2; round++) {
        await Promise.all(lab.random.some(lab.ready(), 1).map((daemon: LabDaemon) => makeZombie(lab, daemon)));
        await lab.kill(lab.random.pick(lab.ready()));
        await startAll(lab);
      }
      await lab.drain();
      const { violations } = await checkPipeline(lab);
      return new Set<string>(violations.map(({ kind }) => kind));
    });
    if (build.breaks.every((kind) => !seen.has(kind))) continue;
    process.stdout.write(`wrong build: ${build.name}, run ${run + 1}, seen ${[...seen].join(' ')}\n`);
    return;
  }
  expect.unreachable(`not caught within ${WRONG_RUNS_MAX} runs`);
});
