/** (a) and (b): records per second and CPU per million records, beside what one would write by hand. */
import { Queue } from 'bullmq';
import { type Lab, openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Lap, raceMillrace, racePeer } from '../support/race.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const PARSES = `export const handler = async (event) => {
  let sum = 0;
  for (const record of event.Records) sum += JSON.parse(Buffer.from(record.kinesis.data, 'base64')).id;
  return { sum };
};
`;

/** At batch 1 everything is an order of magnitude slower. */
const BATCH_1_SHARE = 8;
const JOBS_SHARE = 4;
const JOB_CONCURRENCY = 50;

export async function batchesOf100(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const total = options.records * options.shards;
  const keys = await lab.createStream('s', options.shards);
  await lab.fill('s', () => options.records, record200);
  const ours: Lap[] = [];
  const loops: Lap[] = [];
  for (let n = 0; n < options.repeats; n++) {
    loops.push(await racePeer(lab, 'loop.ts', [lab.server.url, `loop-${n}`, 100, total, ...keys]));
    ours.push(await millrace(lab, options, `m${n}`, 100, total));
    options.progress(say(n, { ours: ours[n]!, loop: loops[n]! }));
  }
  await lab.close();
  return {
    id: 'a',
    title: `batch 100: ${options.shards} shards × ${options.records} records of 200 bytes, each parsed in the sandbox`,
    rows: [
      ...rowsOf('Millrace', ours),
      ...rowsOf('ioredis loop, no sandbox', loops),
      ratio('Millrace ÷ loop: records/s', ours, loops, (lap) => lap.recordsPerSecond, 'never below 1.0, aim 1.3'),
      ratio('Millrace ÷ loop: CPU per million', ours, loops, (lap) => lap.cpuPerMillion, 'at most 1.5'),
    ],
    notes: [],
    load: [before, load()],
  };
}

export async function batchesOf1(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const perShard = Math.ceil(options.records / BATCH_1_SHARE);
  const total = perShard * options.shards;
  const keys = await lab.createStream('s', options.shards);
  await lab.fill('s', () => perShard, record200);
  const ours: Lap[] = [];
  const loops: Lap[] = [];
  const jobs: Lap[] = [];
  for (let n = 0; n < options.repeats; n++) {
    loops.push(await racePeer(lab, 'loop.ts', [lab.server.url, `loop-${n}`, 1, total, ...keys]));
    ours.push(await millrace(lab, options, `m${n}`, 1, total));
    jobs.push(await raceJobs(lab, `jobs-${n}`, Math.ceil(total / JOBS_SHARE)));
    options.progress(say(n, { ours: ours[n]!, loop: loops[n]!, jobs: jobs[n]! }));
  }
  await lab.close();
  return {
    id: 'b',
    title: `batch 1: ${options.shards} shards × ${perShard} records of 200 bytes, each parsed in the sandbox`,
    rows: [
      ...rowsOf('Millrace', ours),
      ...rowsOf('ioredis loop, COUNT 1', loops),
      ...rowsOf('one BullMQ job per record', jobs),
      ratio('Millrace ÷ loop: records/s', ours, loops, (lap) => lap.recordsPerSecond, 'aim 1.1'),
      ratio('Millrace ÷ loop: CPU per million', ours, loops, (lap) => lap.cpuPerMillion),
      ratio('Millrace ÷ BullMQ jobs: records/s', ours, jobs, (lap) => lap.recordsPerSecond, 'aim 3'),
    ],
    notes: [`BullMQ: concurrency ${JOB_CONCURRENCY}, no order between records, no sandbox`],
    load: [before, load()],
  };
}

function millrace(lab: Lab, options: Options, mapping: string, batchSize: number, total: number): Promise<Lap> {
  return raceMillrace(lab, { mapping, stream: 's', shards: options.shards, batchSize, total, handler: PARSES });
}

async function raceJobs(lab: Lab, name: string, total: number): Promise<Lap> {
  const queue = new Queue<string>(name, { connection: { url: lab.server.url } });
  for (let at = 0; at < total; at += 1_000) {
    const count = Math.min(1_000, total - at);
    await queue.addBulk(
      Array.from({ length: count }, (_, n) => ({
        ...{ name: 'record', data: record200(0, at + n) },
        opts: { removeOnComplete: true },
      })),
    );
  }
  const lap = await racePeer(lab, 'jobs.ts', [lab.server.url, name, JOB_CONCURRENCY, total]);
  await queue.obliterate({ force: true });
  await queue.close();
  return lap;
}

function rowsOf(name: string, laps: readonly Lap[]): Row[] {
  const pick = (what: string, unit: string, of: (lap: Lap) => number): Row => ({
    ...{ name: `${name}: ${what}`, unit, values: laps.map(of) },
  });
  const rows = [
    pick('rate', 'records/s', (lap) => lap.recordsPerSecond),
    pick('CPU, all processes', 's per million', (lap) => lap.cpuPerMillion),
    pick('CPU, Redis', 's per million', (lap) => lap.cpu.redis),
    pick('CPU, main process', 's per million', (lap) => lap.cpu.main),
    pick('peak RSS without Redis', 'MB', (lap) => lap.peakRssMb),
  ];
  if (laps.every((lap) => lap.children === 0)) return rows;
  rows.push(pick('CPU, children', 's per million', (lap) => lap.cpu.children));
  rows.push(pick('children', 'processes', (lap) => lap.children));
  rows.push(pick('peak RSS of a child', 'MB', (lap) => lap.childrenPeakMb / lap.children));
  return rows;
}

/** Repeat by repeat: what disturbed one half of a repeat most likely disturbed the other. */
function ratio(
  name: string,
  ours: readonly Lap[],
  theirs: readonly Lap[],
  of: (lap: Lap) => number,
  aim?: string,
): Row {
  const values = ours.map((lap, n) => of(lap) / of(theirs[n]!));
  return { name, unit: '×', values, digits: 2, ...(aim === undefined ? {} : { aim }) };
}

function say(n: number, laps: Readonly<Record<string, Lap>>): string {
  const texts = Object.entries(laps).map(
    ([name, lap]) => `${name} ${Math.round(lap.recordsPerSecond)}/s ${lap.cpuPerMillion.toFixed(1)} CPU s/M`,
  );
  return `repeat ${n + 1}: ${texts.join(', ')}`;
}
