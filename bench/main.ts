/**
 * `npm run bench`: what Millrace costs and does, beside a second system on the same machine in the same run.
 *
 *   npm run bench -- --only a,b --repeats 5 --json figures.json
 *   npm run bench -- --records 2000 --repeats 1          a smoke test
 *   npm run bench -- --profile --batch 100               what each stage of a record's way costs
 *   npm run bench -- --only f --kills 200                the takeover figure in full
 *   npm run bench -- --only matrix --repeats 2 --save    beside every peer; kept in bench/results, of which docs/benchmarks.md is made
 *   npm run bench -- --only recovery --kills 4 --save      kills, replacements and Redis killed, under load
 *   npm run bench -- --only flame --kind parse --batch 1   a flame graph of all processes (Linux's perf for those that are no JavaScript)
 *   npm run bench -- --only matrix --peer loop --peer bullmq --kind parse --batch 1
 */
import { writeFileSync } from 'node:fs';
import { among, flagsOf, whole } from '../test/support/by-hand.ts';
import { backlog } from './figures/backlog.ts';
import { bystanders } from './figures/bystanders.ts';
import { coldStart } from './figures/cold-start.ts';
import { filterRate } from './figures/filter.ts';
import { flame } from './figures/flame.ts';
import { idleShards } from './figures/idle.ts';
import { idleCost } from './figures/idle-cost.ts';
import { kafkaThroughput } from './figures/kafka.ts';
import { kafkaClients } from './figures/kafka-client.ts';
import { lanes } from './figures/lanes.ts';
import { isolation } from './figures/isolation.ts';
import { memory } from './figures/memory.ts';
import { outputs } from './figures/outputs.ts';
import { profile } from './figures/profile.ts';
import { rebalance } from './figures/rebalance.ts';
import { recovery } from './figures/recovery.ts';
import { takeover } from './figures/takeover.ts';
import { batchesOf1, batchesOf100 } from './figures/throughput.ts';
import { latency } from './figures/latency.ts';
import { latencyUnderLoad } from './figures/latency-load.ts';
import { scaling } from './figures/scaling.ts';
import { matrix, PEERS } from './figures/matrix.ts';
import { windowOverhead } from './figures/windows.ts';
import { KINDS } from './support/kinds.ts';
import { openLab } from './support/lab.ts';
import type { Options } from './support/options.ts';
import { type Figure, machine, machineLine, table } from './support/report.ts';
import { commandLine, saveResult } from './support/results.ts';

const FIGURES: Readonly<Record<string, (options: Options) => Promise<Figure>>> = {
  a: batchesOf100,
  b: batchesOf1,
  c: bystanders,
  d: latency,
  e: idleShards,
  f: takeover,
  g: coldStart,
  h: memory,
  filter: filterRate,
  kafka: kafkaThroughput,
  'kafka-client': kafkaClients,
  backlog,
  flame,
  idle: idleCost,
  isolation,
  lanes,
  latency: latencyUnderLoad,
  matrix,
  outputs,
  profile,
  rebalance,
  recovery,
  scaling,
  windows: windowOverhead,
};

/** Only where they are asked for. */
const LONG = ['backlog', 'flame', 'idle', 'isolation', 'latency', 'matrix', 'profile', 'recovery', 'scaling'];

const { values: flags } = flagsOf({
  options: {
    only: {
      type: 'string',
      default: Object.keys(FIGURES)
        .filter((id) => !LONG.includes(id))
        .join(','),
    },
    repeats: { type: 'string', default: '3' },
    records: { type: 'string', default: '100000' },
    shards: { type: 'string', default: '8' },
    kills: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '5' },
    peer: { type: 'string', multiple: true, default: PEERS },
    kind: { type: 'string', multiple: true, default: [...KINDS] },
    batch: { type: 'string', multiple: true, default: ['1', '10', '100', '1000'] },
    json: { type: 'string' },
    save: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});

const options: Options = {
  repeats: whole(flags.repeats, 'repeats'),
  records: whole(flags.records, 'records'),
  shards: whole(flags.shards, 'shards'),
  kills: whole(flags.kills, 'kills'),
  seconds: whole(flags.seconds, 'seconds'),
  kinds: flags.kind.flatMap((one) => among(one, 'kind', KINDS)),
  batches: flags.batch.map((one) => whole(one, 'batch')),
  peers: flags.peer.flatMap((one) => among(one, 'peer', PEERS)),
  ...(flags.save && { keep }),
  progress: (text) => void process.stderr.write(`  ${text}\n`),
};
const ids = among(flags.profile ? 'profile' : flags.only, 'figure', Object.keys(FIGURES));

const lab = await openLab();
const about = machine(lab.redisVersion);
await lab.close();
process.stdout.write(`${machineLine(about)}\n\n`);
const figures: Figure[] = [];
for (const id of ids) {
  figures.push(await FIGURES[id]!(options));
  process.stdout.write(`${table(figures.at(-1)!)}\n`);
  // After each, so that a run that is cut off keeps what it has.
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ machine: about, figures }, null, 2)}\n`);
  if (flags.save) await keep(figures.at(-1)!);
}
process.exit(0);

function keep(figure: Figure): Promise<void> {
  return saveResult({ command: commandLine(), machine: about, figure });
}
