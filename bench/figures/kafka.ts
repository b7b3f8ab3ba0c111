/**
 * (kafka) A topic of twelve partitions to the handler, batch 100, through the spools: a poller and an executor, beside a loop by hand on kafkajs and Kafka's own
 * ConsumerPerformance, which does nothing with the records.
 */
import { startMillrace, startPeer } from '../support/daemon.ts';
import { type KafkaLab, openKafkaLab } from '../support/kafka.ts';
import { type Lab, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Cost, costOf, descendants } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const PARTITIONS = 12;
const TOPIC = 'records';
const LOOK_EVERY_MS = 10;
const STUCK_MS = 300_000;

const PARSES = `export const handler = async (event) => {
  let sum = 0;
  for (const records of Object.values(event.records))
    for (const { value } of records) sum += JSON.parse(Buffer.from(value, 'base64')).id;
  return { sum };
};
`;

const STAGES = ['broker', 'poller', 'redis', 'executor', 'children'] as const;
type Stage = (typeof STAGES)[number];

interface Lap {
  readonly recordsPerSecond: number;
  /** CPU seconds per million records. */
  readonly cpu: Readonly<Partial<Record<Stage | 'loop', number>>>;
}

type Pids = () => Readonly<Partial<Record<Stage | 'loop', readonly number[]>>>;

export async function kafkaThroughput(options: Options): Promise<Figure> {
  const before = load();
  const total = options.records * 10;
  const [lab, kafka] = [await openLab(), await openKafkaLab()];
  await kafka.fill(TOPIC, PARTITIONS, total);
  const ours: Lap[] = [];
  const loops: Lap[] = [];
  const limits: number[] = [];
  for (let n = 0; n < options.repeats; n++) {
    limits.push(await kafka.consumerPerformance(TOPIC, `limit-${n}`, total));
    loops.push(await loopLap(kafka, `loop-${n}`, total));
    ours.push(await ownLap(lab, kafka, `m${n}`, total));
    options.progress(
      `repeat ${n + 1}: ours ${rate(ours[n]!)}, loop ${rate(loops[n]!)}, limit ${Math.round(limits[n]!)}`,
    );
  }
  await Promise.all([lab.close(), kafka.close()]);
  return {
    id: 'kafka',
    title: `${PARTITIONS} partitions, ${total} records of 200 bytes, batch 100, each parsed in the sandbox`,
    rows: [
      { name: 'Millrace', unit: 'records/s', values: ours.map((lap) => lap.recordsPerSecond) },
      { name: 'kafkajs loop, no sandbox', unit: 'records/s', values: loops.map((lap) => lap.recordsPerSecond) },
      { name: 'ConsumerPerformance', unit: 'records/s', values: limits },
      ratio(
        'Millrace ÷ loop',
        ours.map((lap, n) => lap.recordsPerSecond / loops[n]!.recordsPerSecond),
        'aim 0.8',
      ),
      ratio(
        'Millrace ÷ ConsumerPerformance',
        ours.map((lap, n) => lap.recordsPerSecond / limits[n]!),
      ),
      ...STAGES.map((stage): Row => cpuRow(`Millrace: CPU, ${stage}`, ours, (lap) => lap.cpu[stage]!)),
      cpuRow('Millrace: CPU, all but the broker', ours, (lap) => sum(lap) - lap.cpu.broker!),
      cpuRow('loop: CPU, broker', loops, (lap) => lap.cpu.broker!),
      cpuRow('loop: CPU, loop', loops, (lap) => lap.cpu.loop!),
    ],
    notes: [
      'the poller fetches and fills the spools; the executor reads, encodes and settles; the children run the function',
    ],
    load: [before, load()],
  };
}

async function ownLap(lab: Lab, kafka: KafkaLab, mapping: string, total: number): Promise<Lap> {
  const config = lab.configure(
    PARSES,
    {
      [mapping]: {
        ...{ function: 'f', batchSize: 100, startingPosition: 'TRIM_HORIZON' },
        source: { type: 'kafka', connection: 'c', topic: TOPIC, consumerGroupId: mapping },
      },
    },
    { connections: { c: { type: 'kafka', brokers: [kafka.bootstrap] } } },
  );
  const executor = await startMillrace(config, ['--role', 'executor']);
  const poller = await startMillrace(config, ['--role', 'poller']);
  const pids: Pids = () => ({
    ...{ broker: [kafka.broker.pid], poller: [poller.pid], redis: [lab.server.pid] },
    ...{ executor: [executor.pid], children: descendants(executor.pid) },
  });
  const succeeded = async (): Promise<number> => {
    const pipeline = lab.redis.pipeline();
    for (let n = 0; n < PARTITIONS; n++) pipeline.hget(lab.keys.shard(mapping, `${TOPIC}-${n}`), 'n:succeeded');
    return ((await pipeline.exec()) ?? []).reduce((all, [, count]) => all + Number(count ?? 0), 0);
  };
  const look = async (least: number): Promise<Look> => {
    for (const until = Date.now() + STUCK_MS; Date.now() < until; await sleep(LOOK_EVERY_MS)) {
      const done = await succeeded();
      if (done >= least) return { done, atMs: performance.now(), costs: costs(pids) };
    }
    throw new Error(`mapping ${mapping} did not settle ${least} records within ${STUCK_MS} ms`);
  };
  const from = await look(total / 10);
  const to = await look(total);
  await Promise.all([poller.stop(), executor.stop()]);
  return lapOf(from, to);
}

async function loopLap(kafka: KafkaLab, group: string, total: number): Promise<Lap> {
  const peer = startPeer('kafka-loop.ts', [kafka.bootstrap, TOPIC, group, 100, total]);
  const at = async (word: string): Promise<Look> => {
    const line = await peer.next(word);
    const pids: Pids = () => ({ broker: [kafka.broker.pid], loop: [peer.pid] });
    return { done: Number(line.split(' ')[1]), atMs: performance.now(), costs: costs(pids) };
  };
  // Asked for together: a short race may be over before the first answer is looked at.
  const over = at('done');
  const from = await at('warm');
  const to = await over;
  peer.kill('SIGKILL');
  await peer.stop();
  return lapOf(from, to);
}

interface Look {
  readonly done: number;
  readonly atMs: number;
  readonly costs: Readonly<Partial<Record<Stage | 'loop', Cost>>>;
}

function costs(pids: Pids): Look['costs'] {
  return Object.fromEntries(Object.entries(pids()).map(([stage, list]) => [stage, costOf(list)]));
}

function lapOf(from: Look, to: Look): Lap {
  const records = to.done - from.done;
  const cpu = Object.fromEntries(
    Object.entries(to.costs).map(([stage, cost]) => [
      stage,
      ((cost.cpuSeconds - from.costs[stage as Stage]!.cpuSeconds) / records) * 1e6,
    ]),
  );
  return { recordsPerSecond: (records / (to.atMs - from.atMs)) * 1_000, cpu };
}

function sum(lap: Lap): number {
  return Object.values(lap.cpu).reduce((all, one) => all + one, 0);
}

function cpuRow(name: string, laps: readonly Lap[], of: (lap: Lap) => number): Row {
  return { name, unit: 's per million', values: laps.map(of) };
}

function ratio(name: string, values: number[], aim?: string): Row {
  return { name, unit: '×', values, digits: 2, ...(aim === undefined ? {} : { aim }) };
}

function rate(lap: Lap): string {
  return `${Math.round(lap.recordsPerSecond)}/s`;
}
