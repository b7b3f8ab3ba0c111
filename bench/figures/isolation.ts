/** (isolation) What healthy shards keep of their rate when a tenth of the shards is poisoned. */
import { fillShard } from '../support/fill-shard.ts';
import { openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { mappingStretch } from '../support/mapping-stretch.ts';
import { type Figure, load } from '../support/report.ts';

const SHARDS = 20;
const POISONED = 2;
/** Records per shard, as a multiple of --records. */
const MULTIPLE = 1.5;
const FEW = 1_000;

const HANDLER = `export const handler = async (event) => {
  let sum = 0;
  for (const record of event.Records) {
    const { id } = JSON.parse(Buffer.from(record.kinesis.data, 'base64'));
    if (id < 0) throw new Error('poison');
    sum += id;
  }
  return { sum };
};
`;
export async function isolation(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  await lab.redis.config('SET', 'auto-aof-rewrite-percentage', 0);
  const healthy = SHARDS - POISONED;
  const each = Math.round(options.records * MULTIPLE);
  for (const stream of ['well', 'ill']) {
    const keys = await lab.createStream(stream, SHARDS);
    const partitions = await lab.partitionKeys(stream);
    for (let n = 0; n < SHARDS; n++) {
      const ill = n >= healthy;
      // Beside none the last shards are empty.
      if (ill && stream === 'well') continue;
      const [count, text] = ill ? [FEW, '{"id":-1}'] : [each, record200(n, n)];
      await fillShard(lab.redis, keys[n]!, partitions[n]![0]!, [text], count);
    }
  }
  const rates: Record<string, number[]> = { well: [], ill: [] };
  for (let n = 0; n < options.repeats; n++) {
    for (const stream of ['well', 'ill']) {
      const sample = await mappingStretch(
        lab,
        { mapping: `${stream}${n}`, stream, shards: healthy, total: healthy * each },
        HANDLER,
        options.seconds,
      );
      rates[stream]!.push(sample.recordsPerSecond);
      options.progress(`${n + 1}. ${stream}: ${sample.recordsPerSecond}/s`);
    }
  }
  await lab.close();
  return {
    id: 'isolation',
    title: `${healthy} healthy shards beside ${POISONED} poisoned ones, batch 100, 200-byte JSON, ${options.seconds} s each`,
    rows: [
      { name: `healthy shards, none poisoned`, unit: 'records/s', values: rates.well! },
      { name: `healthy shards, ${POISONED} of ${SHARDS} poisoned`, unit: 'records/s', values: rates.ill! },
      {
        ...{ name: 'kept', unit: '×', digits: 2, aim: 'at least 0.95' },
        values: rates.ill!.map((rate, n) => rate / rates.well![n]!),
      },
    ],
    notes: ['every record of a poisoned shard fails, and is retried with the default back-off'],
    load: [before, load()],
  };
}
