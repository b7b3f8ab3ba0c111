/** What outputs cost: in the settle's script, in pieces when there are many, and a pipeline of three stages beside one stage. */
import { createRedisStreamOutput } from '../../connectors/redis-stream/output.ts';
import { OUTPUT_PIECE_ENTRIES } from '../../src/limits.ts';
import type { Output } from '../../src/output.ts';
import { BEFORE_ALL, shardIdOf } from '../../src/record.ts';
import { initShard } from '../../src/shard/init.ts';
import { settle } from '../../src/shard/settle.ts';
import { takeShard } from '../../src/shard/take.ts';
import { Shipping } from '../../src/turn/shipping.ts';
import { startMillrace } from '../support/daemon.ts';
import { type Lab, openLab, record200, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const COUNTS = [0, 10, 100, 1_000, 10_000];
/** Of one kind; the median of their slowest scripts counts. */
const SETTLES = 30;
/** The pipeline's records are a share of --records, because each is written four times. */
const SHARE = 4;
const ECHO = `export const handler = async (event) => ({ output: event.Records.map((record) => ({
  itemIdentifier: record.kinesis.sequenceNumber, data: Buffer.from(record.kinesis.data, 'base64').toString() })) });
`;

export async function outputs(options: Options): Promise<Figure> {
  const before = load();
  const cost: Row[] = [];
  for (const count of COUNTS) {
    const values = [];
    for (let n = 0; n < options.repeats; n++) values.push(await slowestScript(count));
    cost.push({ name: `settle with ${count} outputs of 200 bytes: its longest script`, unit: 'ms', values, digits: 3 });
    options.progress(`${count} outputs: ${values.map((ms) => ms.toFixed(3)).join(', ')} ms`);
  }
  const [one, three]: [number[], number[]] = [[], []];
  for (let n = 0; n < options.repeats; n++) {
    one.push(await throughput(options, 1));
    three.push(await throughput(options, 3));
    options.progress(`one stage ${Math.round(one[n]!)}/s, three ${Math.round(three[n]!)}/s`);
  }
  return {
    id: 'outputs',
    title: `outputs to streams of the same Redis; ${options.shards} shards, batch 100`,
    rows: [
      ...cost,
      { name: 'one stage, no output: records through', unit: 'records/s', values: one },
      { name: 'three stages, two outputs: records through', unit: 'records/s', values: three },
      { name: 'three stages beside one', unit: '×', values: three.map((rate, n) => rate / one[n]!), digits: 2 },
    ],
    notes: [
      `a script is measured by Redis itself (SLOWLOG); above ${OUTPUT_PIECE_ENTRIES} outputs they are staged and moved in pieces of that`,
      'three stages read, run and settle each record three times, all of it beside each other',
    ],
    load: [before, load()],
  };
}

const entries = (count: number): Output[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ partitionKey: `k${n % 16}`, data: record200(0, n), headers: '', origin: `${n}/0` },
  }));

async function slowestScript(count: number): Promise<number> {
  const lab = await openLab();
  const { redis, keys } = lab;
  const ref = { mapping: 'm', shardId: shardIdOf(0) };
  await lab.createStream('out', 4);
  await initShard(redis, keys, 'm', { ...ref, key: 's', parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 });
  const taken = await takeShard(redis, keys, ref, { owner: 'd', parents: [], mode: 'turn' });
  if (taken.kind !== 'ok') throw new Error(taken.kind);
  const { holding } = taken;
  const target = createRedisStreamOutput({ redis, keys, stream: 'out', monoMs: () => performance.now() });
  const shipping = new Shipping({ redis, keys, holding, targetOf: () => target });
  const list = entries(count);
  await redis.config('SET', 'slowlog-log-slower-than', 0);
  const slowest: number[] = [];
  for (let revision = 1; revision <= SETTLES; revision++) {
    await redis.slowlog('RESET');
    const settleIt = (shipment?: Parameters<Parameters<Shipping['settle']>[2]>[0]) =>
      settle(
        redis,
        keys,
        { holding, streamKey: 's', failureStream: 'f', failureBytesMax: 0, failureKeptMs: 0 },
        {
          ...{ revision, generation: 1, checkpoint: `${revision}-0`, entriesRead: revision, units: [], why: '' },
          ...{ notBefore: 0, expiresAt: 0, blocked: '', lastProcessingResult: null, done: false, notices: [] },
          counts: { succeeded: 1, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 },
        },
        shipment,
      );
    const to = { output: { stream: 'out' }, revision, generation: 1 };
    const reply = count === 0 ? await settleIt() : await shipping.settle(list, to, settleIt);
    if (reply.kind !== 'ok') throw new Error(reply.kind);
    if (count > OUTPUT_PIECE_ENTRIES) await shipping.move('out', Math.ceil(count / OUTPUT_PIECE_ENTRIES));
    const lines = (await redis.slowlog('GET', 128)) as [number, number, number][];
    slowest.push(Math.max(...lines.map(([, , micros]) => micros)));
  }
  await lab.close();
  // The first one is sent as text and compiled.
  return slowest.slice(1).toSorted((a, b) => a - b)[Math.floor(SETTLES / 2)]! / 1_000;
}

async function throughput(options: Options, stages: number): Promise<number> {
  const lab = await openLab();
  const perShard = Math.ceil(options.records / SHARE);
  for (let n = 0; n < stages; n++) await lab.createStream(`s${n}`, options.shards);
  await lab.fill('s0', () => perShard, record200);
  const mappings = Object.fromEntries(Array.from({ length: stages }, (_, n) => [`m${n}`, stageOf(n, stages)]));
  const config = lab.configure(ECHO, mappings);
  const daemon = await startMillrace(config);
  // From the first settle on: a start is another figure.
  const [before, began] = [await settled(lab, 'm0', options.shards, 1), performance.now()];
  const last = await settled(lab, `m${stages - 1}`, options.shards, perShard * options.shards);
  const seconds = (performance.now() - began) / 1_000;
  await daemon.stop();
  await lab.close();
  return (last - before) / seconds;
}

function stageOf(n: number, stages: number): object {
  return {
    ...{ function: 'f', startingPosition: 'TRIM_HORIZON', batchSize: 100 },
    source: { type: 'redis-stream', stream: `s${n}` },
    ...(n + 1 < stages && { output: { type: 'redis-stream', stream: `s${n + 1}` } }),
  };
}

/** Records of the mapping that are settled, once they are `least`. */
async function settled(lab: Lab, mapping: string, shards: number, least: number): Promise<number> {
  for (;;) {
    const count = await lab.succeeded(mapping, shards);
    if (count >= least) return count;
    await sleep(10);
  }
}
