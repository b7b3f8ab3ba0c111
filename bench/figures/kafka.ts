/**
 * (kafka) A topic of twelve partitions to the handler, batch 100, through the spools: a poller and an executor, beside a loop by hand on kafkajs and Kafka's own
 * ConsumerPerformance, which does nothing with the records.
 */
import { startMillrace } from '../support/daemon.ts';
import { type KafkaLab, openKafkaLab } from '../support/kafka.ts';
import { type Lab, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { descendants } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { costs, type Lap, lapOf, type Look, peerLap, type Pids } from '../support/stages.ts';

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

function loopLap(kafka: KafkaLab, group: string, total: number): Promise<Lap> {
  return peerLap('kafka-loop.ts', [kafka.bootstrap, TOPIC, group, 100, total], (pid) => ({
    ...{ broker: [kafka.broker.pid], loop: [pid] },
  }));
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
