/** (isolation) What a mapping keeps of its rate when a tenth of its shards is poisoned, and beside others that time out or take all memory. */
import { mappingOf, openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { mappingStretch, type Neighbour } from '../support/mapping-stretch.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const SHARDS = 20;
const POISONED = 2;
const HEALTHY = SHARDS - POISONED;
/** Records per shard, as a multiple of --records. */
const MULTIPLE = 1.5;
const FEW = 1_000;
const NEIGHBOUR_SHARDS = 4;

const HANDLER = `export const handler = async (event) => {
  let sum = 0;
  for (const record of event.Records) {
    const { id } = JSON.parse(Buffer.from(record.kinesis.data, 'base64'));
    if (id < 0) throw new Error('poison');
    sum += id;
  }
  return { sum };
};
export const spins = () => { for (;;); };
export const hoards = () => { const all = []; for (;;) all.push(new Array(1e5).fill(1.5)); };
`;

interface Case {
  readonly name: string;
  readonly stream: string;
  /** Of that repeat. */
  beside?(repeat: number): Neighbour;
}

/** By then an attempt follows the last one after half a minute: what such a mapping is for nearly all of its day. */
const AHEAD_MS = 45_000;

/** Each a mapping of its own, so that no back-off of another is its. */
function neighbour(handler: string, mapping: string, aheadMs: number): Neighbour {
  const n = { code: 'handler.mjs', handler, timeout: 1, memorySize: 128 };
  return { functions: { n }, mappings: { [mapping]: { ...mappingOf('neighbour', 100), function: 'n' } }, aheadMs };
}

const ALONE: Case = { name: 'nothing beside it', stream: 'well' };
const CASES: readonly Case[] = [
  { name: `${POISONED} of ${SHARDS} shards poisoned`, stream: 'ill' },
  ...besides('one that times out', 'spins'),
  ...besides('one that takes memory without end', 'hoards'),
];

function besides(what: string, handler: string): Case[] {
  const beside = (aheadMs: number) => (n: number) => neighbour(handler, `${handler}-${aheadMs}-${n}`, aheadMs);
  return [
    { name: `beside ${what}, its first seconds`, stream: 'well', beside: beside(0) },
    { name: `beside ${what}, after ${AHEAD_MS / 1_000} s`, stream: 'well', beside: beside(AHEAD_MS) },
  ];
}

export async function isolation(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  await lab.redis.config('SET', 'auto-aof-rewrite-percentage', 0);
  const each = Math.round(options.records * MULTIPLE);
  const full = (shard: number) => ({ texts: [record200(shard, shard)], count: each });
  const poison = { texts: ['{"id":-1}'], count: FEW };
  await lab.createFilled('ill', SHARDS, (shard) => (shard < HEALTHY ? full(shard) : poison));
  // The same, and its last shards are empty.
  await lab.createFilled('well', SHARDS, (shard) => (shard < HEALTHY ? full(shard) : { texts: [], count: 0 }));
  await lab.createFilled('neighbour', NEIGHBOUR_SHARDS, (shard) => ({ ...full(shard), count: FEW }));
  const rates = new Map<string, number[]>([ALONE, ...CASES].map(({ name }) => [name, []]));
  for (let n = 0; n < options.repeats; n++) {
    for (const [i, { name, stream, beside }] of [ALONE, ...CASES].entries()) {
      const run = { mapping: `m${n}-${i}`, stream, shards: HEALTHY, total: HEALTHY * each };
      const { recordsPerSecond } = await mappingStretch(lab, run, HANDLER, options.seconds, 100, beside?.(n) ?? null);
      rates.get(name)!.push(recordsPerSecond);
      options.progress(`${n + 1}. ${name}: ${recordsPerSecond}/s`);
    }
  }
  await lab.close();
  const alone = rates.get(ALONE.name)!;
  const kept = ({ name }: Case): Row => ({
    ...{ name: `${name}: kept`, unit: '×', digits: 2, aim: 'at least 0.95' },
    values: rates.get(name)!.map((rate, n) => rate / alone[n]!),
  });
  return {
    id: 'isolation',
    title: `${HEALTHY} healthy shards beside what fails, batch 100, 200-byte JSON, ${options.seconds} s each`,
    rows: [
      ...[ALONE, ...CASES].map(({ name }): Row => ({ name, unit: 'records/s', values: rates.get(name)! })),
      ...CASES.map(kept),
    ],
    notes: [
      'every record of a poisoned shard fails, and is retried with the default back-off',
      `the neighbour has ${NEIGHBOUR_SHARDS} shards, 1 s and 128 MB; what it computes until then, and the starts of its processes, are taken from the same two cores`,
    ],
    load: [before, load()],
  };
}
