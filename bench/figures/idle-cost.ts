/** (idle) What watching a mapping costs to which nothing comes, by its number of shards; beside a loop by hand, and a BullMQ worker that waits. */
import { ofProcess } from '../../test/support/process-memory.ts';
import { type Program, startMillrace, startPeer } from '../support/daemon.ts';
import { type Lab, mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { pile } from '../support/pour.ts';
import { costOf, cpuMicros, descendants } from '../support/processes.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const SHARDS = [1, 100, 1_000, 10_000];
const PEER_SETTLE_MS = 2_000;
/** Starts and first looks are over by then. */
const SETTLE_MS = 4_000;
const SETTLE_MS_PER_SHARD = 1;
const AGAIN_MS = 500;
const PARTS = ['redis', 'main', 'children'] as const;
type Part = (typeof PARTS)[number];
const PART_NAMES: Readonly<Record<Part, string>> = { redis: 'Redis', main: 'main process', children: 'children' };

const HANDLER = `export const handler = async () => undefined;
`;

interface Cost {
  /** CPU ms per second, and resident MB. */
  readonly ms: number;
  readonly mb: number;
}
type Sample = Readonly<Record<Part, Cost>>;

interface Contestant {
  readonly name: string;
  readonly settleMs: number;
  start(): Promise<Program>;
}

export async function idleCost(options: Options): Promise<Figure> {
  const before = load();
  const samples = new Map<string, Sample[]>();
  for (let n = 0; n < options.repeats; n++) {
    for (const shards of SHARDS.filter((count) => count <= options.records)) {
      const lab = await openLab();
      const keys = await lab.createStream('s', shards);
      for (const one of contestants(lab, keys)) {
        const sample = await measure(lab, one, options.seconds);
        samples.set(one.name, [...(samples.get(one.name) ?? []), sample]);
        const said = PARTS.map(
          (part) => `${part} ${sample[part].ms.toFixed(1)} ms/s ${Math.round(sample[part].mb)} MB`,
        );
        options.progress(`${n + 1}. ${one.name}: ${said.join(', ')}`);
      }
      await lab.close();
    }
  }
  return {
    id: 'idle',
    title: `nothing comes: CPU and memory of shards that are watched, ${options.seconds} s each`,
    rows: [...samples].flatMap(([name, list]) => rowsOf(name, list)),
    notes: [
      'the function has run once: its children are the warm one and the one in reserve',
      'every shard is looked at once in 10 s, so that less than 10 s would be too little to measure',
      'the loop has one XREADGROUP BLOCK of 5 s over all streams; the worker waits on one queue, whatever the shards',
      'memory is resident, and of Redis everything that it holds: the streams and groups of the others, too',
    ],
    load: [before, load()],
    graph: { unit: 'CPU ms per s', logarithmic: true, systems: true },
    pivot: true,
  };
}

function contestants(lab: Lab, keys: readonly string[]): Contestant[] {
  const [shards, settleMs] = [keys.length, SETTLE_MS + SETTLE_MS_PER_SHARD * keys.length];
  const count = shards === 1 ? '1 shard' : `${shards.toLocaleString('en')} shards`;
  const loop: Contestant = {
    ...{ name: `ioredis loop, ${count}`, settleMs: PEER_SETTLE_MS },
    async start() {
      const peer = startPeer('latency-loop.ts', [lab.server.url, 'loop', ...keys]);
      await peer.next('ready');
      return peer;
    },
  };
  const own: Contestant = {
    ...{ name: `Millrace, ${count}`, settleMs },
    async start() {
      const config = lab.configure(HANDLER, { m: mappingOf('s', 100, { startingPosition: 'LATEST' }) });
      const daemon = await startMillrace(config);
      // Until one arrives: what came before a shard was first looked at is before the latest.
      while ((await lab.succeeded('m', 1)) === 0) {
        await pile(lab.redis, [keys[0]!], [1]);
        await sleep(AGAIN_MS);
      }
      return daemon;
    },
  };
  const worker: Contestant = {
    ...{ name: 'BullMQ worker, 1 queue', settleMs: PEER_SETTLE_MS },
    start: () => Promise.resolve(startPeer('jobs.ts', [lab.server.url, 'idle', 50, 1])),
  };
  return shards === SHARDS[0] ? [loop, own, worker] : [loop, own];
}

async function measure(lab: Lab, { start, settleMs }: Contestant, seconds: number): Promise<Sample> {
  const program = await start();
  await sleep(settleMs);
  const pids: Record<Part, number[]> = {
    ...{ redis: [lab.server.pid], main: [program.pid], children: descendants(program.pid) },
  };
  // A child that ends meanwhile is left out.
  const used = (part: Part) => pids[part].map((pid) => ofProcess(() => cpuMicros(pid), null));
  const [from, before] = [performance.now(), PARTS.map(used)];
  await sleep(seconds * 1_000);
  const [elapsed, after] = [(performance.now() - from) / 1_000, PARTS.map(used)];
  const costs = PARTS.map((part, n): [Part, Cost] => [
    part,
    { ms: grown(before[n]!, after[n]!) / 1_000 / elapsed, mb: costOf(pids[part]).rssMb },
  ]);
  await program.stop();
  return Object.fromEntries(costs) as Record<Part, Cost>;
}

function grown(before: readonly (number | null)[], after: readonly (number | null)[]): number {
  return after.reduce<number>((sum, us, n) => sum + (us === null ? 0 : us - (before[n] ?? us)), 0);
}

function rowsOf(name: string, list: readonly Sample[]): Row[] {
  const row = (what: string, unit: string, of: (sample: Sample) => number): Row => ({
    ...{ name: `${name}: ${what}`, unit, values: list.map(of) },
  });
  const sum = (of: keyof Cost) => (sample: Sample) => PARTS.reduce((all, part) => all + sample[part][of], 0);
  return [
    row('CPU', 'CPU ms per s', sum('ms')),
    ...PARTS.map((part) => row(`CPU, ${PART_NAMES[part]}`, 'ms per s', (sample) => sample[part].ms)),
    row('memory', 'MB', sum('mb')),
    ...PARTS.map((part) => row(`memory, ${PART_NAMES[part]}`, 'MB', (sample) => sample[part].mb)),
  ];
}
