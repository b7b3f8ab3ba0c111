/**
 * (rebalance) Members of a Kafka group come, go and die: how long partitions stand still, at the spools (fetching) and at the handlers.
 * Executors run on, so that only the group is measured.
 */
import { type Lab, type LabDaemon, pause, withLab } from '../../test/chaos/lab/lab.ts';
import { type Pauses, pausesOf } from '../../test/chaos/lab/pauses.ts';
import { fromTopic, type TopicPartition, type TopicSource } from '../../test/chaos/lab/topic-source.ts';
import { eventually } from '../../test/support/daemon.ts';
import { type Cluster, withCluster } from '../../test/support/kafka/cluster.ts';
import { startSteadyWriter } from '../../test/support/kafka/steady-writer.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const PARTITIONS = 12;
const POLLERS = 3;
const PER_SECOND = 240;
/** Longer than a member's session and the rebalance after it. */
const WINDOW_MS = 12_000;
const WITHIN = { withinMs: 60_000, everyMs: 100 };
const SETTLED_MS = 3_000;

interface World {
  readonly lab: Lab;
  readonly source: TopicSource;
}

interface Lap {
  readonly quiet: Pauses;
  readonly join: Pauses;
  readonly leave: Pauses;
  /** Of the killed one's partitions, and of all others. */
  readonly killed: Pauses;
  readonly bystanders: Pauses;
}

export async function rebalance(options: Options): Promise<Figure> {
  const before = load();
  const laps: Lap[] = [];
  await withCluster(1, (cluster) =>
    withLab(
      {
        ...{ name: 'rebalance', seed: 1 },
        source: fromTopic({ brokers: cluster.bootstrap, partitions: PARTITIONS }),
      },
      async (lab) => {
        const world = { lab, source: lab.source as TopicSource };
        await begin(world, cluster, async () => {
          for (let n = 0; n < options.repeats; n++) {
            laps.push(await oneLap(world));
            options.progress(`repeat ${n + 1}: ${JSON.stringify(laps[n])}`);
          }
        });
      },
    ),
  );
  const row = (name: string, of: (lap: Lap) => number, aim?: string): Row => ({
    ...{ name, unit: 'ms', values: laps.map(of) },
    ...(aim !== undefined && { aim }),
  });
  const both = (name: string, of: (lap: Lap) => Pauses, aim?: string): Row[] => [
    row(`${name}: fetching`, (lap) => of(lap).fetching, aim),
    row(`${name}: handlers`, (lap) => of(lap).handling, aim),
  ];
  return {
    id: 'rebalance',
    title: `${PARTITIONS} partitions, ${POLLERS} pollers, ${PER_SECOND} records/s: the longest pause of a partition`,
    rows: [
      ...both('nothing happens', (lap) => lap.quiet),
      ...both('a poller joins', (lap) => lap.join, 'at most 1,000'),
      ...both('a poller leaves', (lap) => lap.leave, 'at most 1,000'),
      ...both('a poller is killed, its partitions', (lap) => lap.killed),
      ...both('a poller is killed, the others', (lap) => lap.bystanders, 'at most 1,000'),
    ],
    notes: ['one broker, on the same machine; spools looked at every 50 ms'],
    load: [before, load()],
  };
}

async function begin({ lab, source }: World, cluster: Cluster, body: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 2; i++) lab.start('--role', 'executor', '--concurrency', '6');
  for (let i = 0; i < POLLERS; i++) lab.start('--role', 'poller');
  await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
  const writer = await startSteadyWriter(cluster.places[0]!, {
    ...{ brokers: cluster.bootstrap, topic: source.name, perSecond: PER_SECOND },
    values: [JSON.stringify({ work: 0, fails: 0, partial: false })],
  });
  try {
    const counts = async () => (await lab.look()).map(({ state }) => Number(state['n:succeeded'] ?? 0));
    await eventually(counts, (all) => Math.min(...all) > 50, { ...WITHIN, what: 'all partitions at work' });
    await body();
  } finally {
    await writer.stop();
  }
}

async function oneLap(world: World): Promise<Lap> {
  const { lab, source } = world;
  const all = source.partitions;
  const quiet = await during(world, () => Promise.resolve(), all);
  const [join] = await during(world, () => lab.start('--role', 'poller').process.ready.then(() => undefined), all);
  const leaver = lab.daemons.at(-1)!;
  const [leave] = await during(world, () => lab.terminate(leaver).then(() => undefined), all);
  const victim = (await lab.someReady('poller', POLLERS))[0]!;
  const own = partitionsOf(victim, all);
  const others = all.filter((partition) => !own.includes(partition));
  const [killed, bystanders] = await during(world, () => lab.kill(victim).then(() => undefined), own, others);
  lab.start('--role', 'poller');
  await lab.someReady('poller', POLLERS);
  await pause(SETTLED_MS);
  return { quiet: quiet[0]!, join: join!, leave: leave!, killed: killed!, bystanders: bystanders! };
}

/** As the poller was last assigned them. */
function partitionsOf(daemon: LabDaemon, all: readonly TopicPartition[]): readonly TopicPartition[] {
  const said = daemon.process.lines.findLast(({ msg }) => msg === 'Kafka: partitions assigned');
  const numbers = said?.['partitions'] as readonly number[];
  return all.filter(({ partition }) => numbers.includes(partition));
}

async function during(
  { lab }: World,
  act: () => Promise<void>,
  ...groups: readonly (readonly TopicPartition[])[]
): Promise<Pauses[]> {
  const id = await lab.beginFault('look');
  const from = performance.now();
  await Promise.all([act(), pause(WINDOW_MS)]);
  const to = performance.now();
  await lab.healFault(id, 'look', []);
  await pause(SETTLED_MS);
  const history = await lab.history();
  const begun = history.find((line) => line.kind === 'fault' && line.id === id)!;
  return groups.map((partitions) => pausesOf(partitions, history, { from, to, offset: begun.tMono - from }));
}
