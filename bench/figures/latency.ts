/** (d): time from XADD to the handler while 1,000 records arrive per second. */
import { type Program, startMillrace, startPeer } from '../support/daemon.ts';
import { collectLatencies, flow, TIMES } from '../support/flow.ts';
import { type Lab, mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { cpuBetween, snapshot } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { type Latencies, latencies } from '../support/statistics.ts';

const PER_SECOND = 1_000;
const WARM_SECONDS = 3;
/** What children have not told yet comes with the next records. */
const TELL_SECONDS = 2;

interface Measured extends Latencies {
  readonly cores: number;
}

export async function latency(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const keys = await lab.createStream('s', options.shards);
  const seconds = Math.max(2, Math.min(15, options.records / 2_000));
  const ours: Measured[] = [];
  const loops: Measured[] = [];
  for (let n = 0; n < options.repeats; n++) {
    loops.push(await measure(lab, keys, seconds, await loop(lab, keys, n)));
    const config = lab.configure(TIMES, { [`m${n}`]: mappingOf('s', 100, { startingPosition: 'LATEST' }) });
    ours.push(await measure(lab, keys, seconds, await startMillrace(config)));
    options.progress(`repeat ${n + 1}: p99 ${ours[n]!.p99} ms, loop ${loops[n]!.p99} ms`);
  }
  await lab.close();
  return {
    id: 'd',
    title: `from XADD to the handler at ${PER_SECOND} records/s over ${options.shards} shards, ${seconds} s`,
    rows: [...rowsOf('Millrace', ours, 'p99 below 10'), ...rowsOf('ioredis loop, no sandbox', loops)],
    notes: ['wall clock in whole milliseconds on both sides'],
    load: [before, load()],
  };
}

async function loop(lab: Lab, keys: readonly string[], n: number) {
  const peer = startPeer('latency-loop.ts', [lab.server.url, `loop-${n}`, ...keys]);
  await peer.next('ready');
  return peer;
}

async function measure(lab: Lab, keys: readonly string[], seconds: number, program: Program): Promise<Measured> {
  await flow(lab, { keys, perSecond: PER_SECOND, seconds: WARM_SECONDS, counts: false });
  await sleep(200);
  const all = collectLatencies(program);
  const from = snapshot(lab.server.pid, program.pid);
  await flow(lab, { keys, perSecond: PER_SECOND, seconds, counts: true });
  const to = snapshot(lab.server.pid, program.pid);
  await flow(lab, { keys, perSecond: PER_SECOND / 10, seconds: TELL_SECONDS, counts: false });
  await sleep(300);
  program.kill('SIGTERM');
  await program.stop();
  return { ...latencies(all), cores: cpuBetween(from, to).all / ((to.atMs - from.atMs) / 1_000) };
}

function rowsOf(name: string, runs: readonly Measured[], aim?: string): Row[] {
  const row = (what: string, unit: string, of: (run: Measured) => number, wanted?: string): Row => ({
    ...{ name: `${name}: ${what}`, unit, values: runs.map(of) },
    ...(wanted === undefined ? {} : { aim: wanted }),
  });
  return [
    row('p50', 'ms', (run) => run.p50),
    row('p99', 'ms', (run) => run.p99, aim),
    row('longest', 'ms', (run) => run.max),
    row('CPU, all processes', 'cores', (run) => run.cores),
    row('measured', 'records', (run) => run.count),
  ];
}
