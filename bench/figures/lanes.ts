/** What lanes are for: one shard, whose function waits for an answer of a server for each record, with one to ten lanes in one run. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openLab, record200 } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Lap, raceMillrace } from '../support/race.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const FACTORS = [1, 2, 5, 10];
const WAIT_MS = 5;
/** Of 100,000 that --records says: 1,000 at each factor, 6 s of waiting with one lane. */
const SHARE = 100;
/** As the systems that run keys side by side do it: record by record. */
const BATCH = 1;

export async function lanes(options: Options): Promise<Figure> {
  const before = load();
  const server = createServer((_, response) => void setTimeout(() => response.end('ok'), WAIT_MS));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const handler = `export const handler = async () => { await (await fetch('http://${host}/')).text(); };\n`;
  const lab = await openLab();
  const total = Math.max(100, Math.round(options.records / SHARE));
  await lab.createStream('s', 1);
  await lab.fill('s', () => total, record200);
  const laps = FACTORS.map((): Lap[] => []);
  for (let n = 0; n < options.repeats; n++) {
    for (const [i, factor] of FACTORS.entries()) {
      const race = {
        mapping: `m${n}-${factor}`,
        stream: 's',
        shards: 1,
        batchSize: BATCH,
        total,
        handler,
        allow: [host],
      };
      laps[i]!.push(await raceMillrace(lab, { ...race, more: { parallelizationFactor: factor } }));
      options.progress(`repeat ${n + 1}, factor ${factor}: ${Math.round(laps[i]!.at(-1)!.recordsPerSecond)}/s`);
    }
  }
  await lab.close();
  server.close();
  server.closeAllConnections();
  const rows = FACTORS.flatMap((factor, i): Row[] => {
    const beside = laps[i]!.map((lap, n) => lap.recordsPerSecond / laps[0]![n]!.recordsPerSecond);
    return [
      { name: `factor ${factor}`, unit: 'records/s', values: laps[i]!.map((lap) => lap.recordsPerSecond) },
      { name: `factor ${factor} ÷ factor 1`, unit: '×', values: beside, digits: 2 },
      { name: `factor ${factor}: processes`, unit: '', values: laps[i]!.map((lap) => lap.children) },
    ];
  });
  return {
    id: 'lanes',
    title: `one shard, ${total} records of 16 keys, batches of one, each waiting ${WAIT_MS} ms for a server on this machine`,
    rows,
    notes: [`a loop without any cost of its own would have ${1_000 / WAIT_MS} records/s for each lane`],
    load: [before, load()],
  };
}
