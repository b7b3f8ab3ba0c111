/** (e) 10,000 idle shards: what watching them costs, with nothing and with little to do. And (h), memory per shard. */
import { type Program, startMillrace, startPeer } from '../support/daemon.ts';
import { collectLatencies, flow, TIMES } from '../support/flow.ts';
import { type Lab, mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { cpuBetween, type Snapshot, snapshot } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { type Latencies, latencies } from '../support/statistics.ts';

const SHARDS = 10_000;
const PER_SECOND = 20;
const SETTLE_MS = 15_000;

interface Watched {
  readonly quiet: Load;
  readonly busy: Load;
  readonly times: Latencies;
  readonly connections: number;
}

/** In per cent of one core, and MB. */
interface Load {
  readonly redis: number;
  readonly main: number;
  readonly children: number;
  readonly rssMb: number;
}

export async function idleShards(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const seconds = Math.max(5, Math.min(30, options.records / 2_500));
  const shards = Math.min(SHARDS, Math.max(200, options.records));
  const keys = await lab.createStream('s', shards);
  const peer = startPeer('latency-loop.ts', [lab.server.url, 'loop', ...keys]);
  await peer.next('ready');
  const loop = await watch(lab, keys, seconds, peer, 2_000);
  options.progress(`loop: ${loop.quiet.redis.toFixed(1)} % and ${loop.busy.redis.toFixed(1)} % of a core in Redis`);
  const config = lab.configure(TIMES, { m: mappingOf('s', 100, { startingPosition: 'LATEST' }) });
  const daemon = await startMillrace(config);
  const ours = await watch(lab, keys, seconds, daemon, SETTLE_MS);
  await lab.close();
  return {
    id: 'e',
    title: `${shards.toLocaleString('en')} idle shards, at 0 and at ${PER_SECOND} records/s, ${seconds} s each`,
    rows: [...rowsOf('Millrace', ours, true), ...rowsOf('ioredis, one blocking read', loop, false)],
    notes: ['the ioredis loop has one XREADGROUP BLOCK over all streams, no sandbox'],
    load: [before, load()],
  };
}

async function watch(
  lab: Lab,
  keys: readonly string[],
  seconds: number,
  program: Program,
  settleMs: number,
): Promise<Watched> {
  await sleep(settleMs);
  const at = () => snapshot(lab.server.pid, program.pid);
  const start = at();
  await sleep(seconds * 1_000);
  const quiet = at();
  await flow(lab, { keys, perSecond: PER_SECOND, seconds: 3, counts: false });
  const all = collectLatencies(program);
  const warm = at();
  await flow(lab, { keys, perSecond: PER_SECOND, seconds, counts: true });
  const busy = at();
  await sleep(1_000);
  await flow(lab, { keys, perSecond: PER_SECOND, seconds: 3, counts: false });
  await sleep(500);
  const clients = (await lab.redis.client('LIST')) as string;
  program.kill('SIGTERM');
  await program.stop();
  return {
    ...{ quiet: between(start, quiet), busy: between(warm, busy), times: latencies(all) },
    // Our own does not count.
    connections: clients.trim().split('\n').length - 1,
  };
}

function between(from: Snapshot, to: Snapshot): Load {
  const cpu = cpuBetween(from, to);
  const percent = 100 / ((to.atMs - from.atMs) / 1_000);
  return {
    ...{ redis: cpu.redis * percent, main: cpu.main * percent, children: cpu.children * percent },
    rssMb: to.main.rssMb,
  };
}

function rowsOf(name: string, run: Watched, aims: boolean): Row[] {
  const row = (what: string, unit: string, value: number, aim = ''): Row => ({
    ...{ name: `${name}: ${what}`, unit, values: [value], digits: 1 },
    ...(aims && aim !== '' ? { aim } : {}),
  });
  const cpu = (when: string, of: Load, aim: string): Row[] => [
    row(`CPU ${when}, Redis`, '% of a core', of.redis, aim),
    row(`CPU ${when}, main process`, '% of a core', of.main, aim),
    row(`CPU ${when}, children`, '% of a core', of.children),
  ];
  return [
    ...cpu('at rest', run.quiet, 'about 1'),
    ...cpu(`at ${PER_SECOND}/s`, run.busy, ''),
    row('p50', 'ms', run.times.p50),
    row('p99', 'ms', run.times.p99, 'at most 20'),
    row('measured', 'records', run.times.count),
    row('connections to Redis', '', run.connections, 'tens'),
    row('memory of the main process', 'MB', run.quiet.rssMb),
  ];
}
