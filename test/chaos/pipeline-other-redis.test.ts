/** Outputs to another Redis, under kills of daemons and of both servers: each once, in order (docs/pipelines.md). */
import { expect, test } from 'vitest';
import { killSome, killTheRest, mustBeCaught, startAll, timesOfAll, wordsOf } from './lab/every-way.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import {
  killOther,
  makeShardedStreams,
  type OtherRedis,
  someSender,
  specTo,
  stagesTo,
  stopSender,
  withOtherRedis,
} from './lab/other-redis.ts';
import { checkPipeline } from './lab/pipeline.ts';
import { everyDay, report, seedOf, timesOf } from './lab/report.ts';
import { OTHER_REDIS_WRONG_BUILDS } from './wrong-builds/pipeline-builds.ts';

const WAYS = { kills: 4, zombies: 1, everything: 1, redis: 1 };
const OTHER_KILLS = 1;
const WRONG_RUNS_MAX = 10;

async function begin(lab: Lab, other: OtherRedis): Promise<void> {
  await makeShardedStreams(lab, other);
  await startAll(lab);
  lab.producer.start({ perSecond: 30, work: [5, 30], failing: 0.02 });
  await pause(1_000);
}

test(`outputs to another Redis: ${wordsOf(WAYS)}, the other ${OTHER_KILLS} times`, { timeout: 7_200_000 }, () =>
  withOtherRedis((other) =>
    withLab(
      { name: 'other redis', shards: 4, drainMsMax: 150_000, seed: seedOf(150), ...specTo(other) },
      async (lab) => {
        await begin(lab, other);
        const [ways, others] = [timesOfAll(WAYS), timesOf(OTHER_KILLS)];
        // Half of the kills are of who sends.
        await killSome(lab, ways.kills, [100, 1_200], (ready) =>
          lab.random.between(0, 1) === 0 ? someSender(lab, ready) : Promise.resolve(lab.random.pick(ready)),
        );
        for (let time = 0; time < others; time++) await killOther(lab, other);
        for (let time = 0; time < ways.zombies; time++) await stopSender(lab);
        await killTheRest(lab, { ...ways, zombies: 0 });
        const checked = await lab.check();
        const { violations, records, archived } = await checkPipeline(lab, stagesTo(other));
        report('other redis', checked, { ...ways, others, records, archived, wrong: violations.length });
        expect(violations).toEqual([]);
        mustBeClean(checked);
        expect(records).toBeGreaterThan(100);
      },
    ),
  ),
);

test.each(everyDay(OTHER_REDIS_WRONG_BUILDS))('the checker rejects: $name', { timeout: 900_000 }, (build) =>
  mustBeCaught(build, WRONG_RUNS_MAX, (run) =>
    withOtherRedis((other) => {
      const spec = { name: 'other redis wrong', shards: 4, drainMsMax: 150_000, seed: seedOf(151) + run };
      return withLab({ ...spec, ...specTo(other), wrongBuild: build.name }, async (lab) => {
        await begin(lab, other);
        // Who sends has its ways open by then: one that is stopped before that asks how far the stream is.
        await pause(3_000);
        await stopSender(lab);
        await lab.drain();
        return (await checkPipeline(lab, stagesTo(other))).violations.map(({ kind }) => kind);
      });
    }),
  ),
);
