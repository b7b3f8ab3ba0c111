/** (latency) From XADD to the handler at 10, 50 and 80 % of what the system keeps up with, Millrace beside a loop by hand. */
import type { Redis } from 'ioredis';
import { fillShard } from '../../test/support/fill-shard.ts';
import { type Program, startMillrace, startPeer } from '../support/daemon.ts';
import { collectLatencies, TIMES } from '../support/flow.ts';
import { type Lab, mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { latencies, type Latencies } from '../support/statistics.ts';

const SHARES = [0.1, 0.5, 0.8];
const SLICE_MS = 5;
const WARM_SECONDS = 2;
const TELL_SECONDS = 2;
const TELL_PER_SECOND = 100;
/** What is to be caught up with, as a multiple of --records. */
const FLOOD = 6;
const LOOK_MS = 20;
const DRAIN_MS = 180_000;
const UNIT = 'ms';

const PARTITION_KEY = 'key';
const dataOf = (id: number, counts: boolean): string =>
  JSON.stringify({ id, sentMs: Date.now(), counts, text: 'x'.repeat(140) });

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
      const capacity = await capacityOf(lab, keys, () => one.behind(run), options);
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
      'capacity: records handled per second while catching up; each system’s shares are of its own capacity',
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

/** How quickly it works off what it has to catch up with, once the producer is done: beside one at its limit the server has no time for it. */
async function capacityOf(
  lab: Lab,
  keys: readonly string[],
  behind: () => Promise<number>,
  { records }: Options,
): Promise<number> {
  const each = Math.ceil((records * FLOOD) / keys.length);
  await Promise.all(keys.map((key) => fillShard(lab.redis, key, PARTITION_KEY, [dataOf(0, false)], each)));
  const [from, began] = [await behind(), performance.now()];
  // The last of them are few batches of few shards.
  const left = await until(behind, from / 20);
  const capacity = ((from - left) / (performance.now() - began)) * 1_000;
  await until(behind, 0);
  return capacity;
}

/** What is still behind when it is so many at most. */
async function until(behind: () => Promise<number>, most: number): Promise<number> {
  for (const end = performance.now() + DRAIN_MS; performance.now() < end; await sleep(LOOK_MS)) {
    const left = await behind();
    if (left <= most) return left;
  }
  throw new Error(`not worked off after ${DRAIN_MS} ms`);
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

interface Pour {
  readonly perSecond: number;
  readonly seconds: number;
  readonly counts: boolean;
}

/** Records at a rate, evenly over the keys; what is late because the machine is busy comes with the next slice. */
async function pour(redis: Redis, keys: readonly string[], { perSecond, seconds, counts }: Pour): Promise<void> {
  const began = performance.now();
  const total = Math.round((perSecond * seconds) / keys.length);
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.ceil((((performance.now() - began) / 1_000) * perSecond) / keys.length));
    if (due > sent) {
      const texts = [dataOf(sent, counts)];
      await Promise.all(keys.map((key) => fillShard(redis, key, PARTITION_KEY, texts, due - sent)));
      sent = due;
    }
    await sleep(SLICE_MS);
  }
}
