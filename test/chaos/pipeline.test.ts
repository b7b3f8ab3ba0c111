/** Three stages under R1, R5, R8 and R9: each output once, in order, however often daemons and Redis are killed (docs/pipelines.md). */
import { expect, test } from 'vitest';
import { killSome, killTheRest, mustBeCaught, startAll, timesOfAll, wordsOf } from './lab/every-way.ts';
import { type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { makeZombie } from './lab/mixed.ts';
import { checkPipeline, makeStreams, PIPELINE } from './lab/pipeline.ts';
import { everyDay, report, seedOf } from './lab/report.ts';
import { PIPELINE_WRONG_BUILDS } from './wrong-builds/pipeline-builds.ts';

const SPEC = { shards: 4, ...PIPELINE };
const WAYS = { kills: 8, zombies: 1, everything: 1, redis: 1 };
/** Long enough for a zombie of a wrong build to be caught in the act. */
const WRONG_RUNS_MAX = 6;

async function begin(lab: Lab): Promise<void> {
  await makeStreams(lab);
  await startAll(lab);
  lab.producer.start({ perSecond: 15, work: [5, 30], failing: 0.02 });
  await pause(1_000);
}

test(
  `a pipeline: ${wordsOf(WAYS)}`,
  {
    timeout: 7_200_000,
  },
  () =>
    withLab({ ...SPEC, name: 'pipeline', seed: seedOf(130), drainMsMax: 150_000 }, async (lab) => {
      await begin(lab);
      const ways = timesOfAll(WAYS);
      await killSome(lab, ways.kills, [50, 800]);
      await killTheRest(lab, ways);
      const checked = await lab.check();
      const { violations, records, archived } = await checkPipeline(lab);
      report('pipeline', checked, { ...ways, records, archived, wrong: violations.length });
      expect(violations).toEqual([]);
      mustBeClean(checked);
      expect(records).toBeGreaterThan(100);
    }),
);

test.each(everyDay(PIPELINE_WRONG_BUILDS))('the checker rejects: $name', { timeout: 600_000 }, (build) =>
  mustBeCaught(build, WRONG_RUNS_MAX, (run) =>
    withLab({ ...SPEC, name: 'pipeline wrong', seed: seedOf(131) + run, wrongBuild: build.name }, async (lab) => {
      await begin(lab);
      for (let round = 0; round < 2; round++) {
        await Promise.all(lab.random.some(lab.ready(), 1).map((daemon: LabDaemon) => makeZombie(lab, daemon)));
        await lab.kill(lab.random.pick(lab.ready()));
        await startAll(lab);
      }
      await lab.drain();
      return (await checkPipeline(lab)).violations.map(({ kind }) => kind);
    }),
  ),
);
