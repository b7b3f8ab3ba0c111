/** What tumbling windows cost: the same records through the same function, without windows and with some of several lengths, in one run. */
import { openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Lap, raceMillrace } from '../support/race.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const BATCH = 100;

/** Sums either way; only with a window does the sum come back. `pad`: bytes of its state beside the sum. */
const summing = (pad: number) => `const pad = 'x'.repeat(${pad});
export const handler = async (event) => {
  let sum = event.state?.sum ?? 0;
  for (const record of event.Records) sum += JSON.parse(Buffer.from(record.kinesis.data, 'base64')).id;
  return { state: { sum, pad } };
};
`;

interface Kind {
  readonly name: string;
  /** 0: no windows. */
  readonly seconds: number;
  readonly pad: number;
}

const PLAIN: Kind = { name: 'no windows', seconds: 0, pad: 0 };
const KINDS: readonly Kind[] = [
  { name: 'windows of 900 s', seconds: 900, pad: 0 },
  { name: 'windows of 1 s', seconds: 1, pad: 0 },
  { name: 'windows of 900 s, a state of 10 kB', seconds: 900, pad: 10_000 },
];

export async function windowOverhead(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const total = options.records * options.shards;
  await lab.createStream('s', options.shards);
  await lab.fill('s', () => options.records, record200);
  const laps = new Map<Kind, Lap[]>([PLAIN, ...KINDS].map((kind) => [kind, []]));
  for (let n = 0; n < options.repeats; n++) {
    for (const [kind, list] of laps) {
      const { seconds, pad } = kind;
      const mapping = `m${n}-${seconds}-${pad}`;
      const race = { mapping, stream: 's', shards: options.shards, batchSize: BATCH, total, handler: summing(pad) };
      list.push(await raceMillrace(lab, { ...race, more: { tumblingWindowInSeconds: seconds } }));
      options.progress(`repeat ${n + 1}, ${kind.name}: ${Math.round(list.at(-1)!.recordsPerSecond)}/s`);
    }
  }
  await lab.close();
  const plain = laps.get(PLAIN)!;
  const ratio = (of: (lap: Lap) => number, list: readonly Lap[]) => list.map((lap, n) => of(lap) / of(plain[n]!));
  const rows = [...laps].flatMap(([kind, list]): Row[] => [
    { name: `${kind.name}: rate`, unit: 'records/s', values: list.map((lap) => lap.recordsPerSecond) },
    { name: `${kind.name}: CPU, all processes`, unit: 's per million', values: list.map((lap) => lap.cpuPerMillion) },
  ]);
  const beside = KINDS.flatMap((kind): Row[] => {
    const list = laps.get(kind)!;
    return [
      { name: `${kind.name} ÷ none: records/s`, unit: '×', values: ratio((l) => l.recordsPerSecond, list), digits: 2 },
      {
        name: `${kind.name} ÷ none: CPU per million`,
        unit: '×',
        values: ratio((l) => l.cpuPerMillion, list),
        digits: 2,
      },
    ];
  });
  return {
    id: 'windows',
    title: `tumbling windows, batch ${BATCH}: ${options.shards} shards × ${options.records} records of 200 bytes, summed`,
    rows: [...rows, ...beside],
    notes: [
      'records are as old as their ids say: the stream is filled within some seconds, which is how many windows of 1 s there are',
    ],
    load: [before, load()],
  };
}
