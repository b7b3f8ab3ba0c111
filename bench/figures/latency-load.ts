/** (latency) From XADD to the handler at 10, 50 and 80 % of what the system keeps up with, Millrace beside a loop by hand. */
import type { Redis } from 'ioredis';
import { type Program, startMillrace, startPeer } from '../support/daemon.ts';
import { collectLatencies, TIMES } from '../support/flow.ts';
import { type Lab, mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { keptUpWith, pour, SLICE_MS } from '../support/pour.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { latencies, type Latencies } from '../support/statistics.ts';

const SHARES = [0.1, 0.5, 0.8];
const WARM_SECONDS = 2;
const TELL_SECONDS = 2;
const TELL_PER_SECOND = 100;
const UNIT = 'ms';

interface Contestant {
  readonly name: string;
  start(run: string): Promise<Program>;
  /** Records that this run has not acknowledged yet. */
  behind(run: string): Promise<number>;
}

export async function latencyUnderLoad(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  const keys = await lab.createStream('s', options.shards);
  const own = millrace(lab, keys);
  const loop = loopOf(lab, keys);
  const rows: Row[] = [];
  const runs = new Map<string, Latencies[]>();
  const capacities = new Map<string, number[]>([loop, own].map(({ name }) => [name, []]));
  for (let n = 0; n < options.repeats; n++) {
    for (const one of [loop, own]) {
      const run = `${one === loop ? 'loop' : 'own'}${n}`;
      const program = await one.start(run);
      const capacity = await keptUpWith(lab.redis, keys, () => one.behind(run), options.seconds);
      capacities.get(one.name)!.push(capacity);
      for (const share of SHARES) {
        const measured = await measure(lab.redis, keys, program, capacity * share, options.seconds);
        const name = `${one.name}, ${share * 100} %`;
        runs.set(name, [...(runs.get(name) ?? []), measured]);
        options.progress(`${n + 1}. ${name} of ${Math.round(capacity)}/s: p50 ${measured.p50}, p99 ${measured.p99} ms`);
      }
      program.kill('SIGTERM');
      await program.stop();
    }
  }
  await lab.close();
  for (const [name, values] of capacities) rows.push({ name: `${name}: capacity`, unit: 'records/s', values });
  for (const [name, list] of runs) {
    rows.push({ name: `${name}: p50`, unit: UNIT, values: list.map(({ p50 }) => p50) });
    const aim = name.startsWith('Millrace, 50') ? { aim: 'below 10' } : {};
    rows.push({ name: `${name}: p99`, unit: UNIT, values: list.map(({ p99 }) => p99), ...aim });
    rows.push({ name: `${name}: longest`, unit: UNIT, values: list.map(({ max }) => max) });
    rows.push({ name: `${name}: measured`, unit: 'records', values: list.map(({ count }) => count) });
  }
  return {
    id: 'latency',
    title: `from XADD to the handler at shares of the capacity, ${options.shards} shards, batch 100, ${options.seconds} s each`,
    rows,
    notes: [
      'capacity: records handled per second while the producer puts as many as are taken, at most 400 behind in each shard; each system’s shares are of its own',
      `records come in slices of ${SLICE_MS} ms; wall clock in whole milliseconds on both sides`,
    ],
    load: [before, load()],
    graph: { unit: UNIT, logarithmic: true },
  };
}

async function added(lab: Lab, keys: readonly string[]): Promise<number> {
  const facts = await Promise.all(keys.map((key) => lab.redis.xinfo('STREAM', key) as Promise<unknown[]>));
  return facts.reduce<number>((sum, list) => sum + Number(list[list.indexOf('entries-added') + 1]), 0);
}

function millrace(lab: Lab, keys: readonly string[]): Contestant {
  let before = 0;
  return {
    name: 'Millrace',
    async start(run) {
      before = await added(lab, keys);
      return startMillrace(lab.configure(TIMES, { [run]: mappingOf('s', 100, { startingPosition: 'LATEST' }) }));
    },
    behind: async (run) => (await added(lab, keys)) - before - (await lab.succeeded(run, keys.length)),
  };
}

function loopOf(lab: Lab, keys: readonly string[]): Contestant {
  return {
    name: 'ioredis loop, no sandbox',
    async start(run) {
      const peer = startPeer('latency-loop.ts', [lab.server.url, run, ...keys]);
      await peer.next('ready');
      return peer;
    },
    async behind(run) {
      const groups = await Promise.all(keys.map((key) => lab.redis.xinfo('GROUPS', key) as Promise<unknown[][]>));
      const own = groups.map((list) => list.find((group) => group[group.indexOf('name') + 1] === run)!);
      const count = (group: unknown[], what: string) => Number(group[group.indexOf(what) + 1]);
      return own.reduce((sum, group) => sum + count(group, 'lag') + count(group, 'pending'), 0);
    },
  };
}

async function measure(
  redis: Redis,
  keys: readonly string[],
  program: Program,
  perSecond: number,
  seconds: number,
): Promise<Latencies> {
  await pour(redis, keys, { perSecond, seconds: WARM_SECONDS, counts: false });
  const all = collectLatencies(program);
  await pour(redis, keys, { perSecond, seconds, counts: true });
  // What handlers have not told yet comes with the next records.
  await sleep(500);
  await pour(redis, keys, { perSecond: TELL_PER_SECOND * keys.length, seconds: TELL_SECONDS, counts: false });
  await sleep(500);
  return latencies(all);
}
