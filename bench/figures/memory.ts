/** (h): memory per shard, in Redis and in the daemon, and per warm child. */
import { startMillrace } from '../support/daemon.ts';
import { type Lab, mappingOf, openLab, record200, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { costOf, descendants, proportionalMb } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const FEW = 100;
const MANY = 10_000;
const SETTLE_MS = 5_000;
const KB = 1024;

const HANDLER = `export const handler = async (event) => {
  for (const record of event.Records) JSON.parse(Buffer.from(record.kinesis.data, 'base64'));
};
`;

interface Held {
  readonly redisKb: number;
  readonly daemonKb: number;
}

export async function memory(options: Options): Promise<Figure> {
  const before = load();
  const few: Held[] = [];
  const many: Held[] = [];
  const children: { rss: number; own: number; peak: number }[] = [];
  const shards = Math.min(MANY, Math.max(FEW * 2, options.records));
  for (let n = 0; n < options.repeats; n++) {
    few.push(await held(FEW));
    many.push(await held(shards));
    children.push(...(await warmChildren(options)));
    options.progress(`repeat ${n + 1}: children ${children.at(-1)!.rss.toFixed(0)} MB`);
  }
  const perShard = (of: (held: Held) => number) => few.map((one, n) => (of(many[n]!) - of(one)) / (shards - FEW));
  const rows: Row[] = [
    { name: 'Redis, per shard (topology, state, group)', unit: 'kB', values: perShard((one) => one.redisKb) },
    { name: 'daemon, per shard', unit: 'kB', values: perShard((one) => one.daemonKb) },
    { name: `daemon with ${FEW} shards`, unit: 'MB', values: few.map((one) => one.daemonKb / KB) },
    { name: 'warm child, resident', unit: 'MB', values: children.map((one) => one.rss) },
    { name: 'warm child, its own share', unit: 'MB', values: children.map((one) => one.own) },
    { name: 'warm child, peak', unit: 'MB', values: children.map((one) => one.peak) },
  ];
  return {
    id: 'h',
    title: 'memory per shard and per warm child (batches of 100 records of 200 bytes)',
    rows,
    notes: [`per shard: the difference between ${FEW} and ${shards} shards that are watched`],
    load: [before, load()],
  };
}

async function held(shards: number): Promise<Held> {
  const lab = await openLab();
  const empty = await usedKb(lab);
  await lab.createStream('s', shards);
  const daemon = await startMillrace(lab.configure(HANDLER, { m: mappingOf('s', 100) }));
  await sleep(SETTLE_MS);
  const found = { redisKb: (await usedKb(lab)) - empty, daemonKb: costOf([daemon.pid]).rssMb * KB };
  await daemon.stop();
  await lab.close();
  return found;
}

async function usedKb(lab: Lab): Promise<number> {
  return Number(/used_memory_dataset:(\d+)/.exec(await lab.redis.info('memory'))?.[1]) / KB;
}

async function warmChildren(options: Options): Promise<{ rss: number; own: number; peak: number }[]> {
  const lab = await openLab();
  const perShard = Math.max(500, Math.ceil(options.records / 4));
  await lab.createStream('s', options.shards);
  await lab.fill('s', () => perShard, record200);
  const daemon = await startMillrace(lab.configure(HANDLER, { m: mappingOf('s', 100) }));
  while ((await lab.succeeded('m', options.shards)) < perShard * options.shards) await sleep(50);
  // The spare, which has run nothing yet, has used less CPU than any other.
  const found = descendants(daemon.pid)
    .map((pid) => ({ pid, ...costOf([pid]) }))
    .sort((a, b) => b.cpuSeconds - a.cpuSeconds)
    .slice(0, Math.min(4, options.shards))
    .map(({ pid, rssMb, peakRssMb }) => ({ rss: rssMb, own: proportionalMb(pid), peak: peakRssMb }));
  await daemon.stop();
  await lab.close();
  return found;
}
