/** (backlog) What ten million records behind cost (--records 1000000): daemon and children hold and do the same with them as with a thousand. */
import { openLab, record200 } from '../support/lab.ts';
import { mappingStretch } from '../support/mapping-stretch.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import type { Sample } from '../support/stretch.ts';

const FEW = 1_000;
const MANY = 10_000_000;
/** So slow that the backlog stays what it is. */
const WAITS = `export const handler = () => new Promise((resolve) => setTimeout(resolve, 100));
`;

export async function backlog(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  // A rewrite of the log that falls into a stretch would be in it.
  await lab.redis.config('SET', 'auto-aof-rewrite-percentage', 0);
  const sizes = [FEW, Math.min(MANY, options.records * 10)];
  for (const [at, records] of sizes.entries()) {
    const count = Math.ceil(records / options.shards);
    await lab.createFilled(`s${at}`, options.shards, (shard) => ({ texts: [record200(shard, shard)], count }));
    options.progress(`${records} records are there`);
  }
  const samples: Sample[][] = sizes.map(() => []);
  for (let n = 0; n < options.repeats; n++) {
    for (const [at, total] of sizes.entries()) {
      const run = { mapping: `m${at}-${n}`, stream: `s${at}`, shards: options.shards, total };
      const sample = await mappingStretch(lab, run, WAITS, options.seconds, 1);
      samples[at]!.push(sample);
      options.progress(`${n + 1}. ${total} records behind: ${mb(sample)} MB, ${ms(sample)} ms of CPU per record`);
    }
  }
  await lab.close();
  const [few, many] = samples as [Sample[], Sample[]];
  return {
    id: 'backlog',
    title: `${sizes.map((count) => count.toLocaleString('en')).join(' and ')} records behind, ${options.shards} shards`,
    rows: [
      ...sizes.flatMap((count, at): Row[] => {
        const name = `${count.toLocaleString('en')} records behind`;
        return [
          { name: `${name}: memory of daemon and children`, unit: 'MB', values: samples[at]!.map(mb) },
          { name: `${name}: CPU of all processes`, unit: 'ms per record', values: samples[at]!.map(ms) },
        ];
      }),
      { name: 'more memory', unit: 'MB', values: many.map((one, n) => mb(one) - mb(few[n]!)), aim: 'about 0' },
      {
        ...{ name: 'CPU, with many ÷ with few', unit: '×', values: many.map((one, n) => ms(one) / ms(few[n]!)) },
        aim: 'about 1',
      },
    ],
    notes: ['memory: peak of a few seconds, with a handler that takes one record in 100 ms'],
    load: [before, load()],
    pivot: true,
  };
}

const mb = ({ peakRssMb }: Sample): number => peakRssMb.daemon! + peakRssMb.children!;
const ms = ({ cpuPerMillion }: Sample): number => cpuPerMillion / 1_000;
