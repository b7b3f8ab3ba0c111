/** (c): what a tenth of the shards, failing always, costs the others. */
import { type Lab, openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { raceMillrace } from '../support/race.ts';
import { type Figure, load } from '../support/report.ts';

const SHARDS = 20;
const FAILING = 2;
const RECORDS_SHARE = 4;
/** Enough for every back-off of a run, and each attempt has a whole batch to parse. */
const FAILING_RECORDS = 1_000;

const FAILS = `export const handler = async (event) => {
  let fails = false;
  for (const record of event.Records) fails = JSON.parse(Buffer.from(record.kinesis.data, 'base64')).fails || fails;
  if (fails) throw new Error('this shard always fails');
};
`;

export async function bystanders(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const perShard = Math.ceil(options.records / RECORDS_SHARE);
  await fill(lab, 'alone', perShard, 0);
  await fill(lab, 'beside', perShard, FAILING_RECORDS);
  const alone: number[] = [];
  const beside: number[] = [];
  const run = async (stream: string, n: number): Promise<number> => {
    const lap = await raceMillrace(lab, {
      ...{ mapping: `${stream}-${n}`, stream, shards: SHARDS, batchSize: 100, handler: FAILS },
      total: perShard * (SHARDS - FAILING),
    });
    return lap.recordsPerSecond;
  };
  for (let n = 0; n < options.repeats; n++) {
    // In turns, so that what changes with time falls on both.
    const order = n % 2 === 0 ? ['alone', 'beside'] : ['beside', 'alone'];
    for (const stream of order) (stream === 'alone' ? alone : beside).push(await run(stream, n));
    options.progress(
      `repeat ${n + 1}: ${Math.round(alone[n]!)}/s alone, ${Math.round(beside[n]!)}/s beside failing shards`,
    );
  }
  await lab.close();
  return {
    id: 'c',
    title: `${SHARDS - FAILING} healthy shards × ${perShard} records, batch 100, beside ${FAILING} shards that always fail`,
    rows: [
      { name: 'healthy shards, nothing else', unit: 'records/s', values: alone },
      { name: 'healthy shards, beside failing ones', unit: 'records/s', values: beside },
      {
        ...{ name: 'beside ÷ nothing else', unit: '×', digits: 2, aim: 'at least 0.95' },
        values: beside.map((rate, n) => rate / alone[n]!),
      },
    ],
    notes: [],
    load: [before, load()],
  };
}

/** Failing shards hold records of their own kind; in the run without them they are there and empty. */
async function fill(lab: Lab, stream: string, perShard: number, failing: number): Promise<void> {
  await lab.createStream(stream, SHARDS);
  const fails = (shard: number) => shard >= SHARDS - FAILING;
  await lab.fill(
    stream,
    (shard) => (fails(shard) ? failing : perShard),
    (shard, n) => (fails(shard) ? JSON.stringify({ id: n, fails: true }) : record200(shard, n)),
  );
}
