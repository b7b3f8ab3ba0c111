/** (scaling) The same records over 1 to 10,000 shards, and a CPU-bound function on one, two and four executors over two processors. */
import { startMillrace } from '../support/daemon.ts';
import { handlerText, roundsFor50us } from '../support/kinds.ts';
import { type Lab, mappingOf, openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { descendants } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { measureStretch, type Sample } from '../support/stretch.ts';

const SHARDS = [1, 10, 100, 1_000, 10_000];
/** Which of the two processors each executor has. */
const PLACES = [[0], [0, 1], [0, 1, 0, 1]];
/** Records in all, as a multiple of --records. */
const MULTIPLE = 12;
/** Those of the slow function, as a share of them. */
const BUSY_SHARE = 4;
const EXECUTOR_SHARDS = 8;
const UNIT = 'records/s';

export async function scaling(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  await lab.redis.config('SET', 'auto-aof-rewrite-percentage', 0);
  const total = options.records * MULTIPLE;
  for (const shards of SHARDS) await fill(lab, `s${shards}`, shards, total);
  await fill(lab, 'busy', EXECUTOR_SHARDS, total / BUSY_SHARE);
  const work = { rounds: roundsFor50us(), url: '' };
  const rates = new Map<number, number[]>(SHARDS.map((shards) => [shards, []]));
  const executors: Sample[][] = PLACES.map(() => []);
  for (let n = 0; n < options.repeats; n++) {
    for (const shards of SHARDS) {
      const run = { mapping: `m${n}-${shards}`, stream: `s${shards}`, shards, total, places: [undefined] };
      const sample = await measure(lab, { ...run, handler: handlerText('parse', work, 'kinesis') }, options.seconds);
      rates.get(shards)!.push(sample.recordsPerSecond);
      options.progress(`${n + 1}. ${shards} shards: ${sample.recordsPerSecond}/s`);
    }
    for (const [i, places] of PLACES.entries()) {
      const run = { mapping: `e${n}-${i}`, stream: 'busy', shards: EXECUTOR_SHARDS, total: total / BUSY_SHARE, places };
      executors[i]!.push(await measure(lab, { ...run, handler: handlerText('cpu', work, 'kinesis') }, options.seconds));
      options.progress(`${n + 1}. ${places.length} executors: ${executors[i]!.at(-1)!.recordsPerSecond}/s`);
    }
  }
  await lab.close();
  const [one, two, four] = executors.map((list) => list.map(({ recordsPerSecond }) => recordsPerSecond));
  const rows: Row[] = [
    ...SHARDS.map((shards): Row => ({ name: `${shards} shards`, unit: UNIT, values: rates.get(shards)! })),
    { name: 'one executor, 50 µs of CPU per record', unit: UNIT, values: one! },
    { name: 'two executors', unit: UNIT, values: two! },
    { name: 'four executors', unit: UNIT, values: four! },
    {
      ...{ name: 'two executors ÷ twice one', unit: '×', digits: 2, aim: 'at least 0.9' },
      values: two!.map((rate, n) => rate / one![n]! / 2),
    },
  ];
  return {
    id: 'scaling',
    title: `shards 1 to 10,000 and executors 1 to 4; batch 100, 200-byte JSON, ${options.seconds} s each`,
    rows,
    notes: [
      'each executor has one processor for itself and its children, of four two share one; Redis has what they leave',
    ],
    load: [before, load()],
    graph: { unit: UNIT, logarithmic: true },
  };
}

async function fill(lab: Lab, stream: string, shards: number, total: number): Promise<void> {
  const count = Math.ceil(total / shards);
  await lab.createFilled(stream, shards, (shard) => ({ texts: [record200(shard, shard)], count }));
}

interface Run {
  readonly mapping: string;
  readonly stream: string;
  readonly shards: number;
  readonly total: number;
  readonly handler: string;
  /** A daemon each: which processor it has. */
  readonly places: readonly (number | undefined)[];
}

async function measure(lab: Lab, run: Run, seconds: number): Promise<Sample> {
  const { mapping, stream, shards, total, handler, places } = run;
  const config = lab.configure(handler, { [mapping]: mappingOf(stream, 100) });
  const daemons = await Promise.all(
    places.map((processor) => startMillrace(config, [], processor === undefined ? {} : { processor })),
  );
  const look = async () => {
    const done = await lab.succeeded(mapping, shards);
    return { done, over: done >= total };
  };
  const pids = () => ({
    ...{ redis: [lab.server.pid], daemons: daemons.map(({ pid }) => pid) },
    children: daemons.flatMap(({ pid }) => descendants(pid)),
  });
  const sample = await measureStretch(look, pids, seconds);
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  return sample;
}
