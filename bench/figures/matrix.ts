/** (matrix) The same three jobs at every batch size by Millrace and by what one would take instead, each beside the others on this machine. */
import { kafkaSystems, PARTITIONS, TOPIC } from '../matrix/kafka-systems.ts';
import { openRedisPlace, SHARDS } from '../matrix/redis-place.ts';
import { redisSystems } from '../matrix/redis-systems.ts';
import { restateSystem } from '../matrix/restate-system.ts';
import type { Cell, Entrant, Measured, System, Terms } from '../matrix/types.ts';
import { openKafkaLab } from '../support/kafka.ts';
import { KIND_MEANS, KINDS } from '../support/kinds.ts';
import { openLab } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import type { Sample } from '../support/stretch.ts';
import { openWork } from '../support/work.ts';

/** Records per shard, as a multiple of --records: enough for the quickest for as long as it is measured. */
const MULTIPLE = 3;

export const PEERS = [
  'loop',
  'bullmq',
  'connect-javascript',
  'connect-mapping',
  'kafkajs',
  'parallel-consumer',
  'restate',
];

export async function matrix(options: Options): Promise<Figure> {
  const before = load();
  const work = await openWork();
  const terms: Terms = { seconds: options.seconds, perShard: options.records * MULTIPLE, work: work.options };
  const entrants: Entrant[] = [];
  for (const part of [onRedis, onKafka, alone]) {
    entrants.push(...(await part(options, terms)));
    await options.keep?.(figureOf(options, entrants, before));
  }
  await work.close();
  return figureOf(options, entrants, before);
}

function figureOf(options: Options, entrants: readonly Entrant[], before: number): Figure {
  return {
    id: 'matrix',
    title: `records per second: ${SHARDS} shards of Redis streams, ${PARTITIONS} partitions of Kafka; stretches of ${options.seconds} s`,
    rows: entrants.flatMap(rowsOf),
    notes: [
      ...KINDS.map((kind) => `${kind}: ${KIND_MEANS[kind]}`),
      ...entrants.map(({ name, source, givesUp }) => `${name} (${source}) gives up: ${givesUp}`),
      ...entrants.flatMap(({ name, measured }) =>
        measured.filter(({ failed }) => failed !== undefined).map((one) => `${name}, ${cellName(one)}: ${one.failed}`),
      ),
    ],
    load: [before, load()],
    entrants: [...entrants],
  };
}

function wanted({ peers, kinds, batches }: Options, systems: readonly System[]): System[] {
  return systems
    .filter(({ id }) => id === 'millrace' || peers.includes(id))
    .map((system) => {
      const cells = system.cells.filter(({ kind, batch }) => kinds.includes(kind) && batches.includes(batch));
      return { ...system, cells };
    })
    .filter(({ cells }) => cells.length > 0);
}

async function onRedis(options: Options, terms: Terms): Promise<Entrant[]> {
  if (!options.peers.some((id) => ['loop', 'bullmq', 'connect-javascript', 'connect-mapping'].includes(id))) return [];
  const place = await openRedisPlace(terms);
  const found = await race(options, wanted(options, redisSystems(place, terms)));
  await place.lab.close();
  return found;
}

async function onKafka(options: Options, terms: Terms): Promise<Entrant[]> {
  if (!options.peers.some((id) => ['kafkajs', 'parallel-consumer'].includes(id))) return [];
  const [lab, kafka] = [await openLab(), await openKafkaLab()];
  await lab.redis.config('SET', 'auto-aof-rewrite-percentage', 0);
  await kafka.fill(TOPIC, PARTITIONS, terms.perShard * PARTITIONS);
  const found = await race(options, wanted(options, kafkaSystems(lab, kafka, terms)));
  await Promise.all([lab.close(), kafka.close()]);
  return found;
}

async function alone(options: Options, terms: Terms): Promise<Entrant[]> {
  return options.peers.includes('restate') ? await race(options, wanted(options, [restateSystem(terms)])) : [];
}

/** Each cell by each system in turn, and all of it again: what disturbs the machine for a while disturbs all of them. */
async function race(options: Options, systems: readonly System[]): Promise<Entrant[]> {
  const samples = new Map<string, Sample[]>();
  const failed = new Map<string, string>();
  const cells = [...new Set(systems.flatMap((system) => system.cells.map(cellName)))];
  for (let n = 0; n < options.repeats; n++) {
    for (const name of cells) {
      for (const system of systems) {
        const cell = system.cells.find((one) => cellName(one) === name);
        const key = `${system.id} ${name}`;
        if (!cell || failed.has(key) || (n > 0 && cell.once)) continue;
        try {
          const sample = await system.run(cell, `${system.id}-${n}-${name.replaceAll(/\W+/g, '-')}`);
          samples.set(key, [...(samples.get(key) ?? []), sample]);
          options.progress(`${n + 1}. ${key}: ${sample.recordsPerSecond}/s, ${sample.cpuPerMillion} CPU s/M`);
        } catch (error) {
          // A peer that cannot be had or falls over is told; that Millrace does must not pass for a figure.
          if (system.id === 'millrace') throw error;
          failed.set(key, String((error as Error).message).split('\n')[0]!);
          options.progress(`${key}: ${String(error)}`);
        }
      }
    }
  }
  return systems.map(({ id, name, version, source, givesUp, cells: own }) => ({
    ...{ id, name, version, source, givesUp },
    measured: own.map((cell): Measured => {
      const key = `${id} ${cellName(cell)}`;
      const why = failed.get(key);
      return { ...cell, samples: samples.get(key) ?? [], ...(why !== undefined && { failed: why }) };
    }),
  }));
}

function cellName({ kind, batch, data }: Cell): string {
  return `${kind}, batch ${batch}${data === 'flights' ? ', flights' : ''}`;
}

function rowsOf({ name, source, measured }: Entrant): Row[] {
  return measured
    .filter(({ samples }) => samples.length > 0)
    .flatMap((one): Row[] => [
      {
        ...{ name: `${source}, ${cellName(one)}: ${name}`, unit: 'records/s' },
        values: one.samples.map(({ recordsPerSecond }) => recordsPerSecond),
      },
    ]);
}
