/** Three stages with Kafka between them, under kills: each output once and in order for readers of committed records (docs/pipelines.md). */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { killSome, killTheRest, mustBeCaught, startAll, timesOfAll, wordsOf } from './lab/every-way.ts';
import { checkKafkaPipeline, kafkaPipeline, makeTopics } from './lab/kafka-pipeline.ts';
import { type Lab, type LabDaemon, mustBeClean, pause, withLab } from './lab/lab.ts';
import { everyDay, report, seedOf } from './lab/report.ts';
import { KAFKA_PIPELINE_WRONG_BUILDS } from './wrong-builds/pipeline-builds.ts';

const kafka = useKafka();
const WAYS = { kills: 6, zombies: 1, everything: 1, redis: 1 };
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

/** Who sends what a shard returned: half of the kills are theirs, because theirs are the transactions. */
async function someSender(lab: Lab): Promise<string | null> {
  const owners = await Promise.all(
    lab.shards.map(({ shardId }) => lab.redis.hget(lab.keys.shard('m', shardId), 'oo:by')),
  );
  const known = owners.filter((owner) => owner !== null);
  return known.length > 0 ? lab.random.pick(known) : null;
}

async function oneOf(lab: Lab, ready: readonly LabDaemon[]): Promise<LabDaemon> {
  const sender = lab.random.between(0, 1) === 0 ? await someSender(lab) : null;
  return ready.find((daemon) => daemon.id() === sender) ?? lab.random.pick(ready);
}

test(`a pipeline through Kafka: ${wordsOf(WAYS)}`, { timeout: 7_200_000 }, async () => {
  const { spec, topics } = await specOf(seedOf(140));
  await withLab(spec, async (lab) => {
    await begin(lab);
    const ways = timesOfAll(WAYS);
    await killSome(lab, ways.kills, [100, 1_500], (ready) => oneOf(lab, ready));
    await killTheRest(lab, ways);
    const checked = await lab.check();
    const { violations, ...figures } = await checkKafkaPipeline(lab, kafka, topics);
    report('kafka pipeline', checked, { ...ways, ...figures, wrong: violations.length });
    expect(violations).toEqual([]);
    mustBeClean(checked);
    expect(figures.records).toBeGreaterThan(100);
  });
});

test.each(everyDay(KAFKA_PIPELINE_WRONG_BUILDS))('the checker rejects: $name', { timeout: 900_000 }, (build) =>
  mustBeCaught(build, WRONG_RUNS_MAX, async (run) => {
    const { spec, topics } = await specOf(seedOf(141) + run);
    return await withLab({ ...spec, wrongBuild: build.name }, async (lab) => {
      await begin(lab);
      await killSome(lab, WRONG_KILLS, [500, 1_500], (ready) => oneOf(lab, ready));
      await lab.drain();
      return (await checkKafkaPipeline(lab, kafka, topics)).violations.map(({ kind }) => kind);
    });
  }),
);
