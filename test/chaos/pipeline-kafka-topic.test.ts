/** Three stages with Kafka between them, under kills: each output once and in order for readers of committed records (docs/pipelines.md). */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { checkKafkaPipeline, kafkaPipeline, makeTopics } from './lab/kafka-pipeline.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { makeZombie } from './lab/mixed.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { KAFKA_PIPELINE_WRONG_BUILDS } from './wrong-builds/pipeline-builds.ts';

const kafka = useKafka();
const DAEMONS = 3;
const START = ['--concurrency', '6'] as const;
const KILLS = 10;
const ZOMBIES = 1;
const EVERYTHING = 1;
const REDIS = 1;
const WRONG_RUNS_MAX = 4;
const WRONG_KILLS = 6;

async function specOf(seed: number) {
  const topics = await makeTopics(kafka);
  const spec = { name: 'kafka-pipeline', shards: 4, drainMsMax: 150_000, seed };
  return { topics, spec: { ...spec, ...kafkaPipeline(kafka, topics) } };
}

async function begin(lab: Lab): Promise<void> {
  await startAll(lab);
  lab.producer.start({ perSecond: 30, work: [5, 30], failing: 0.02 });
  await pause(1_000);
}

async function startAll(lab: Lab): Promise<void> {
  const missing = DAEMONS - lab.alive().length;
  const started = Array.from({ length: missing }, () => lab.start(...START));
  await Promise.all(started.map((daemon) => daemon.process.ready));
}

/** Who sends what a shard returned: half of the kills are theirs, because theirs are the transactions. */
async function someSender(lab: Lab): Promise<string | null> {
  const owners = await Promise.all(
    lab.shards.map(({ shardId }) => lab.redis.hget(lab.keys.shard('m', shardId), 'oo:by')),
  );
  const known = owners.filter((owner) => owner !== null);
  return known.length > 0 ? lab.random.pick(known) : null;
}

async function killOne(lab: Lab): Promise<void> {
  const ready = await lab.someReady(null, 1);
  const sender = lab.random.between(0, 1) === 0 ? await someSender(lab) : null;
  await lab.kill(ready.find((daemon) => daemon.id() === sender) ?? lab.random.pick(ready));
  lab.start(...START);
}

test(
  `a pipeline through Kafka: ${KILLS} daemons killed, ${ZOMBIES} stopped, everything ${EVERYTHING} times, Redis ${REDIS} times`,
  { timeout: 7_200_000 },
  async () => {
    const { spec, topics } = await specOf(seedOf(140));
    await withLab(spec, async (lab) => {
      await begin(lab);
      for (let kill = 0; kill < timesOf(KILLS); kill++) {
        await pause(lab.random.between(100, 1_500));
        await killOne(lab);
      }
      for (let zombie = 0; zombie < timesOf(ZOMBIES); zombie++)
        await makeZombie(lab, lab.random.pick(await lab.someReady(null, 1)));
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
      const { violations, ...figures } = await checkKafkaPipeline(lab, kafka, topics);
      const kills = { kills: timesOf(KILLS), zombies: timesOf(ZOMBIES), everything: timesOf(EVERYTHING) };
      report('kafka pipeline', checked, { ...kills, redis: timesOf(REDIS), ...figures, wrong: violations.length });
      expect(violations).toEqual([]);
      mustBeClean(checked);
      expect(figures.records).toBeGreaterThan(100);
    });
  },
);

test.each(KAFKA_PIPELINE_WRONG_BUILDS)('the checker rejects: $name', { timeout: 900_000 }, async (build) => {
  for (let run = 0; run < WRONG_RUNS_MAX; run++) {
    const { spec, topics } = await specOf(seedOf(141) + run);
    const seen = await withLab({ ...spec, wrongBuild: build.name }, async (lab) => {
      await begin(lab);
      for (let kill = 0; kill < WRONG_KILLS; kill++) {
        await pause(lab.random.between(500, 1_500));
        await killOne(lab);
      }
      await lab.drain();
      const { violations } = await checkKafkaPipeline(lab, kafka, topics);
      return new Set<string>(violations.map(({ kind }) => kind));
    });
    if (build.breaks.every((kind) => !seen.has(kind))) continue;
    process.stdout.write(`wrong build: ${build.name}, run ${run + 1}, seen ${[...seen].join(' ')}\n`);
    return;
  }
  expect.unreachable(`not caught within ${WRONG_RUNS_MAX} runs`);
});
