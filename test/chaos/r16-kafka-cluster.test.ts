/** R16 on three brokers: a leader and the group's coordinator are lost, brokers are restarted one after the other, a leader stands still. */
import { expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { type Cluster, OFFSETS, withCluster } from '../support/kafka/cluster.ts';
import { startSteadyWriter } from '../support/kafka/steady-writer.ts';
import { type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import { type Pauses, pausesOf } from './lab/pauses.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { leastSettled } from './lab/shards.ts';
import { fromTopic, type TopicSource } from './lab/topic-source.ts';

const BROKERS = 3;
/** Each broker leads two, has a copy of two, and nothing to do with the other two. */
const PLACEMENT = [
  [1, 2],
  [2, 3],
  [3, 1],
  [1, 3],
  [2, 1],
  [3, 2],
];
const DAEMONS = 2;
const PER_SECOND = 60;
/** Each way once; by hand alone (vitest.config.ts), with `npm run chaos -- r16`: three brokers are a machine of their own. With one broker all are in `npm test`. */
const TIMES = 4;
const WITHIN = { withinMs: 60_000, everyMs: 200 };
/**
 * docs/kafka.md, "Rebalances, brokers". The cluster itself takes 9 s to miss a broker that says nothing any more
 * (broker.session.timeout.ms), and then some time to choose its controller and the leaders.
 */
const LED_PAUSE_MS_MAX = 30_000;

interface World {
  readonly lab: Lab;
  readonly source: TopicSource;
  readonly cluster: Cluster;
}

interface Broken {
  readonly what: string;
  /** Of the partitions that the broker led; of those that had a copy there (nobody sees a record before all copies have it). */
  readonly led: Pauses;
  readonly copied: Pauses;
  readonly elsewhere: Pauses;
}

/** All replicas are in sync again: the next broker may be lost. */
async function allInSync({ cluster, source }: World): Promise<void> {
  const missing = async () => {
    const own = await cluster.partitionsOf(source.name);
    const offsets = await cluster.partitionsOf(OFFSETS);
    return [...own, ...offsets].filter(({ isr, replicas }) => isr.length < replicas.length).length;
  };
  await eventually(missing, (n) => n === 0, { ...WITHIN, what: 'all replicas in sync' });
}

const FAULTS: Readonly<Record<string, (world: World, broker: number) => Promise<void>>> = {
  'leader SIGKILL': async ({ cluster }, broker) => {
    await cluster.stop(broker, 'SIGKILL');
    await pause(15_000);
    await cluster.start(broker);
  },
  'coordinator SIGKILL': async ({ cluster }, broker) => {
    await cluster.stop(broker, 'SIGKILL');
    await pause(15_000);
    await cluster.start(broker);
  },
  restarts: async (world, first) => {
    const { cluster } = world;
    for (const id of [first, ...cluster.ids.filter((id) => id !== first)]) {
      await cluster.stop(id, 'SIGTERM');
      await cluster.start(id);
      await allInSync(world);
    }
  },
  'leader SIGSTOP': async ({ cluster }, broker) => {
    cluster.freeze(broker, true);
    await pause(15_000);
    cluster.freeze(broker, false);
  },
};

const KINDS = Object.keys(FAULTS);

async function breakOne(world: World, what: string): Promise<Broken> {
  const { lab, source } = world;
  await allInSync(world);
  const coordinator = await world.cluster.coordinatorOf(source.name);
  const leaders = (await world.cluster.partitionsOf(source.name)).map(({ leader }) => leader);
  const broker = what.startsWith('coordinator') ? coordinator : leaders.find((id) => id !== coordinator)!;
  const id = await lab.beginFault(what);
  const from = performance.now();
  await FAULTS[what]!(world, broker);
  const to = performance.now();
  // No process of Millrace was hit.
  await lab.healFault(id, what, []);
  await pause(3_000);
  const history = await lab.history();
  const begin = history.find((line) => line.kind === 'fault' && line.id === id)!;
  const window = { from, to, offset: begin.tMono - from };
  const pauses = (which: (replicas: readonly number[], leader: number) => boolean) =>
    pausesOf(
      source.partitions.filter(({ partition }) => which(PLACEMENT[partition]!, leaders[partition]!)),
      history,
      window,
    );
  return {
    what,
    led: pauses((_, leader) => leader === broker),
    copied: pauses((replicas, leader) => leader !== broker && replicas.includes(broker)),
    elsewhere: pauses((replicas) => !replicas.includes(broker)),
  };
}

test(`R16: three brokers, broken ${TIMES} times`, { timeout: timesOf(900_000) }, () =>
  withCluster(BROKERS, (cluster) => {
    const topic = { brokers: cluster.bootstrap, partitions: PLACEMENT.length, placement: PLACEMENT };
    return withLab({ name: 'r16c', seed: seedOf(126), source: fromTopic(topic) }, async (lab) => {
      const world: World = { lab, source: lab.source as TopicSource, cluster };
      for (let i = 0; i < DAEMONS; i++) lab.start('--concurrency', '6');
      await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
      const writer = await startSteadyWriter(cluster.places[0]!, {
        ...{ brokers: cluster.bootstrap, topic: world.source.name, perSecond: PER_SECOND },
        values: [2, 5, 8].map((work) => JSON.stringify({ work, fails: 0, partial: false })),
      });
      await eventually(
        async () => leastSettled(await lab.look()),
        (n) => n > 50,
        { ...WITHIN, what: 'all partitions at work' },
      );
      const broken: Broken[] = [];
      const times = timesOf(TIMES);
      for (let time = 0; time < times; time++) {
        broken.push(await breakOne(world, KINDS[time % KINDS.length]!));
        const { what, ...pauses } = broken.at(-1)!;
        const texts = Object.entries(pauses).map(([name, p]) => `${name} ${p.fetching}/${p.handling}`);
        process.stdout.write(`R16 ${what}: longest pause in ms (fetching/handling): ${texts.join(', ')}\n`);
      }
      await writer.stop();
      await world.source.everything(lab.recorder);
      const checked = await lab.check();
      report('R16 on three brokers', checked, { times });
      mustBeClean(checked);
      expect(checked.reached.repeats).toBe(0);
      expect(checked.reached.notices).toBe(0);
      for (const { what, led } of broken) expect.soft(led.fetching, what).toBeLessThan(LED_PAUSE_MS_MAX);
      // That the loss of a leader was felt at all; and that what has nothing to do with it did not wait until the cluster missed it.
      const { led, elsewhere } = broken[0]!;
      expect(led.fetching).toBeGreaterThan(1_000);
      expect(elsewhere.fetching).toBeLessThan(led.fetching / 2);
    });
  }),
);
