/** (backlog) What ten million records behind cost (--records 1000000): daemon and children hold the same with them as with a thousand. */
import { openLab, record200 } from '../support/lab.ts';
import { mappingStretch } from '../support/mapping-stretch.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load } from '../support/report.ts';

const FEW = 1_000;
const MANY = 10_000_000;
/** So slow that the backlog stays what it is. */
const WAITS = `export const handler = () => new Promise((resolve) => setTimeout(resolve, 100));
`;

export async function backlog(options: Options): Promise<Figure> {
  const before = load();
  const values = { few: [] as number[], many: [] as number[] };
  const many = Math.min(MANY, options.records * 10);
  for (let n = 0; n < options.repeats; n++) {
    for (const [name, records] of [
      ['few', FEW],
      ['many', many],
    ] as const) {
      const lab = await openLab();
      const count = Math.ceil(records / options.shards);
      await lab.createFilled('s', options.shards, (shard) => ({ texts: [record200(shard, shard)], count }));
      const sample = await mappingStretch(
        lab,
        { mapping: 'm', stream: 's', shards: options.shards, total: records },
        WAITS,
        options.seconds,
        1,
      );
      values[name].push(sample.peakRssMb.daemon! + sample.peakRssMb.children!);
      await lab.close();
      options.progress(`${n + 1}. ${records} records behind: ${values[name].at(-1)} MB`);
    }
  }
  return {
    id: 'backlog',
    title: `memory with ${FEW.toLocaleString('en')} and with ${many.toLocaleString('en')} records behind, ${options.shards} shards`,
    rows: [
      { name: `${FEW.toLocaleString('en')} records behind: daemon and children`, unit: 'MB', values: values.few },
      { name: `${many.toLocaleString('en')} records behind: daemon and children`, unit: 'MB', values: values.many },
      { name: 'more', unit: 'MB', values: values.many.map((mb, n) => mb - values.few[n]!), aim: 'about 0' },
    ],
    notes: ['peak of a few seconds, with a handler that takes one record in 100 ms'],
    load: [before, load()],
  };
}
