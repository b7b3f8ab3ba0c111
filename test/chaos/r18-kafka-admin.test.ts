/** R18: partitions are added, the topic is deleted and made anew, the group's offsets are reset: each has its outcome, none is silent. */
import { expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { java } from '../support/kafka/broker.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { isDrained } from './lab/shards.ts';
import { fromTopic, type TopicPartition, type TopicSource } from './lab/topic-source.ts';

const kafka = useKafka();
const GROUPS = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
const DAEMONS = 2;
const TIMES = 3;
const LOAD = { perSecond: 30, work: [5, 20], failing: 0.01 } as const;
const SLOW = { ...LOAD, work: [20, 40] } as const;
const WITHIN = { withinMs: 60_000, everyMs: 100 };

interface World {
  readonly lab: Lab;
  readonly source: TopicSource;
}

async function grow({ lab, source }: World): Promise<void> {
  await source.growTo(source.partitions.length + 1);
  const added = source.shards.at(-1)!;
  const succeeded = async () => Number((await lab.look()).find(({ shard }) => shard === added)?.state['n:succeeded']);
  await eventually(succeeded, (n) => n > 0, { ...WITHIN, what: 'records of the new partition settled' });
}

/** While everything is fetched and little of it is settled. */
async function recreate({ lab, source }: World): Promise<void> {
  await lab.producer.stop();
  await lab.producer.put(120, SLOW);
  const fetched = async () => (await lab.look()).every(({ state, shard }) => endsAt(source, shard, state['sp:next']!));
  await eventually(fetched, Boolean, { ...WITHIN, what: 'everything fetched' });
  const left = (await lab.look()).filter((now) => !isDrained(now));
  expect(left.length).toBeGreaterThan(0);
  await source.recreate();
  lab.producer.start(LOAD);
  const anew = async () => (await lab.look()).every(({ state, shard }) => generationOf(source, shard) === state['gen']);
  await eventually(anew, Boolean, { ...WITHIN, what: 'the next generation of every partition' });
}

function endsAt({ partitions }: TopicSource, shard: object, next: string): boolean {
  const { end, bases } = partitions.find((p) => p.shard === shard)!;
  return end === 0 || Number(next) + bases.at(-1)! === end;
}

function generationOf({ partitions }: TopicSource, shard: object): string {
  return String(partitions.find((p) => p.shard === shard)!.bases.length);
}

/** Refused while daemons are there. Then one partition is set back and another one forth, and the daemons come again. */
async function reset(world: World): Promise<void> {
  const { lab, source } = world;
  await lab.producer.stop();
  const idle = (now: Awaited<ReturnType<Lab['look']>>) => now.every(isDrained);
  await eventually(() => lab.look(), idle, { ...WITHIN, what: 'everything settled' });
  const [back, forth] = lab.random.some(source.partitions, 2) as [TopicPartition, TopicPartition];
  expect(await setOffset(source, back, 0)).toMatch(/inactive|Error/);
  for (const daemon of lab.alive()) expect(await lab.terminate(daemon)).toBe(0);
  await lab.producer.put(20, LOAD, [forth.shard]);
  const offsetOf = (p: TopicPartition) => p.end - p.bases.at(-1)!;
  const from = Math.floor(offsetOf(back) / 2);
  await setOffset(source, back, from);
  await setOffset(source, forth, offsetOf(forth) - 8);
  const again = offsetOf(back) - from;
  source.rewound(back);
  source.skipped(forth);
  const positions = Array.from({ length: again }, (_, n) => source.positionOf(back, from + n));
  if (again > 0) await lab.recorder.record({ kind: 'accepted', shard: back.shard.name, positions });
  await lab.configure();
  for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
  lab.producer.start(LOAD);
  const anew = async () => (await lab.look()).every(({ state, shard }) => generationOf(source, shard) === state['gen']);
  await eventually(anew, Boolean, { ...WITHIN, what: 'the next generation of both' });
}

/** By Kafka's own tool; what it says. */
async function setOffset({ name }: TopicSource, { partition }: TopicPartition, to: number): Promise<string> {
  const args = ['--bootstrap-server', kafka.bootstrap, '--group', name, '--topic', `${name}:${partition}`];
  return await java(kafka.place, GROUPS, [...args, '--reset-offsets', '--to-offset', String(to), '--execute']).catch(
    (error: unknown) => String(error),
  );
}

const CHANGES = { grow, recreate, reset };

test(`R18: ${TIMES} changes by administrators`, { timeout: timesOf(600_000) }, () => {
  const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 3 });
  return withLab({ name: 'r18', seed: seedOf(118), source }, async (lab) => {
    const world: World = { lab, source: lab.source as TopicSource };
    for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start(LOAD);
    const times = timesOf(TIMES);
    for (let time = 0; time < times; time++) {
      await pause(2_000);
      const [what, change] = Object.entries(CHANGES)[time % 3]!;
      const id = await lab.beginFault(what);
      await change(world);
      // No process was hit.
      await lab.healFault(id, what, []);
    }
    await pause(2_000);
    const checked = await lab.check();
    const conditions = checked.end.notices.map(({ notice }) => notice.requestContext.condition);
    report('R18', checked, { times, partitions: lab.shards.length });
    mustBeClean(checked);
    expect(checked.reached.repeats).toBe(0);
    expect(conditions).toEqual(Array.from({ length: Math.floor(times / 3) }, () => 'SkippedByOperator'));
    for (const { shard, state } of await lab.look()) expect(state['gen']).toBe(generationOf(world.source, shard));
  });
});
