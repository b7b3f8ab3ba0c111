/**
 * (recovery) Under a steady load an executor is killed, another is replaced as a rolling deployment does it, and Redis is killed: how long shards stand still, and how
 * quickly what piled up is worked off, beside the same pile laid there without a fault.
 */
import { shardIdOf } from '../../src/record.ts';
import { type Daemon, startMillrace } from '../support/daemon.ts';
import { handlerText } from '../support/kinds.ts';
import { type Lab, mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { capacityOf, pile, pour } from '../support/pour.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { drainRate, longestPauses, type Look, type ShardWatch, watchShards } from '../support/shard-watch.ts';
import { latencies, spread } from '../support/statistics.ts';

const SHARDS = 8;
const EXECUTORS = 2;
/** Half of the shards each, so that a kill always hits some that are running. */
const TURNS = SHARDS / EXECUTORS;
const MAPPING = 'm';
/** Of the capacity: what comes all the time. */
const SHARE = 0.25;
/** What the capacity is measured with, as a multiple of --records. */
const FLOOD = 4;
const CALM_MS = 1_500;
/** A shard that settles nothing for so long after a kill was the victim's: its owner, or a turn that it had begun to take. */
const STILL_MS = 1_000;
const SENT_MS = 200;
/** Faults of the kinds that need less of them, as a share of --kills. */
const FEWER = 0.5;

const FAULTS = ['an executor is killed', 'an executor is replaced (SIGTERM)', 'Redis is killed'] as const;
type FaultName = (typeof FAULTS)[number];

interface World {
  readonly lab: Lab;
  readonly keys: readonly string[];
  readonly watch: ShardWatch;
  readonly executors: Daemon[];
  start(): Promise<Daemon>;
}

/** What a fault does: the shards that it hits, or `still`: those that show it; and what is to be waited for before the next. */
interface Hit {
  readonly shards: readonly number[] | 'still';
  readonly over: Promise<unknown>;
  /** How long Redis did not answer. */
  readonly awayMs?: number;
}

interface Lap {
  readonly pauses: readonly number[];
  readonly others: readonly number[];
  readonly awayMs: number;
  /** null where nothing piles up that could be timed. */
  readonly drain: Drain | null;
}

interface Drain {
  readonly piled: number;
  /** Records per second. */
  readonly rate: number;
  /** The same pile, without a fault. */
  readonly faultless: number;
}

interface Repeat {
  readonly capacity: number;
  readonly quiet: readonly number[];
  readonly laps: Readonly<Record<FaultName, readonly Lap[]>>;
}

export async function recovery(options: Options): Promise<Figure> {
  const before = load();
  const repeats: Repeat[] = [];
  for (let n = 0; n < options.repeats; n++) repeats.push(await oneRepeat(options, `${n + 1}.`));
  const row = (name: string, unit: string, of: (repeat: Repeat) => number): Row => ({
    ...{ name, unit, values: repeats.map(of) },
  });
  return {
    id: 'recovery',
    title: `${SHARDS} shards under ${SHARE * 100} % of the capacity, ${EXECUTORS} executors: pauses, and what piled up`,
    rows: [
      row('capacity without a fault', 'records/s', ({ capacity }) => capacity),
      row('nothing happens: longest pause', 'ms', ({ quiet }) => spread(quiet).max),
      ...FAULTS.flatMap((fault) => partsOf(fault, (repeat) => repeat.laps[fault])).map(([of, name, unit]) =>
        row(name, unit, of),
      ),
    ],
    notes: [
      `each repeat: ${options.kills} kills, ${fewer(options)} replacements (the successor is up first), ${fewer(options)} kills of Redis, which is started again at once; batch 100, 200-byte JSON, parse only`,
      `pause of a shard: the longest time without a settled record that reaches into the fault; of a kill those shards count that settled nothing for ${STILL_MS} ms after it, of a replacement those that the executor held at the signal`,
      'drained: records per second from when the last shard goes on until a tenth of the pile is left; then as many records are laid behind the same shards without a fault, and drained again: the share is the former of the latter',
      'the killed executor is started again at once, so that its start takes CPU; producer, Redis and executors share the processors',
    ],
    load: [before, load()],
    pivot: true,
  };
}

const fewer = ({ kills }: Options): number => Math.ceil(kills * FEWER);

/** The successor of a replaced one is there already: nothing piles up that could be timed. */
const drains = (fault: FaultName): boolean => fault !== 'an executor is replaced (SIGTERM)';

type Part = readonly [of: (repeat: Repeat) => number, name: string, unit: string];

function partsOf(fault: FaultName, laps: (repeat: Repeat) => readonly Lap[]): Part[] {
  const pauses = (repeat: Repeat) => laps(repeat).flatMap((lap) => lap.pauses);
  const middle = (of: (drain: Drain) => number) => (repeat: Repeat) =>
    spread(laps(repeat).flatMap(({ drain }) => (drain === null ? [] : [of(drain)]))).median;
  const times: Part[] = [
    [(repeat) => spread(pauses(repeat)).min, `${fault}: least pause`, 'ms'],
    [(repeat) => spread(pauses(repeat)).median, `${fault}: median`, 'ms'],
    [(repeat) => latencies(pauses(repeat)).p99, `${fault}: p99`, 'ms'],
    [(repeat) => pauses(repeat).length, `${fault}: shards`, ''],
  ];
  const others = (repeat: Repeat) => laps(repeat).flatMap((lap) => lap.others);
  if (fault === 'an executor is killed')
    times.push([(repeat) => spread(others(repeat)).max, `${fault}: longest of the other shards`, 'ms']);
  if (fault === 'Redis is killed')
    times.push([(repeat) => spread(laps(repeat).map(({ awayMs }) => awayMs)).median, `${fault}: Redis away`, 'ms']);
  if (!drains(fault)) return times;
  return [
    ...times,
    [middle(({ piled }) => piled), `${fault}: piled up`, 'records'],
    [middle(({ rate }) => rate), `${fault}: drained`, 'records/s'],
    [middle(({ rate, faultless }) => rate / faultless), `${fault}: share`, '× without a fault'],
  ];
}

async function oneRepeat(options: Options, tag: string): Promise<Repeat> {
  const lab = await openLab();
  const keys = await lab.createStream('s', SHARDS);
  const handler = handlerText('parse', { rounds: 0, url: '' }, 'kinesis');
  const config = lab.configure(handler, { [MAPPING]: mappingOf('s', 100) });
  const start = () => startMillrace(config, ['--concurrency', String(TURNS)]);
  const executors = await Promise.all(Array.from({ length: EXECUTORS }, start));
  const watch = watchShards(lab, MAPPING, keys);
  const world: World = { lab, keys, watch, executors, start };
  const behind = () => watch.next(() => true, 'a look').then(total);
  const capacity = await capacityOf(lab.redis, keys, behind, options.records * FLOOD);
  let pouring = true;
  const perSecond = capacity * SHARE;
  const steady = pour(lab.redis, keys, { perSecond, seconds: Infinity, counts: false }, () => pouring);
  await sleep(CALM_MS);
  const from = performance.now();
  await sleep(options.seconds * 1_000);
  const quiet = longestPauses(watch.looks, from, performance.now());
  const laps: Record<FaultName, Lap[]> = Object.fromEntries(FAULTS.map((fault) => [fault, []])) as never;
  const make = async (fault: FaultName, act: () => Promise<Hit>) => {
    const lap = await oneLap(world, act, drains(fault));
    laps[fault].push(lap);
    options.progress(`${tag} ${fault}: ${told(lap)}`);
  };
  // Redis first: it reads its whole log again.
  for (let n = 0; n < fewer(options); n++) await make('Redis is killed', () => crashRedis(world));
  for (let n = 0; n < fewer(options); n++) await make('an executor is replaced (SIGTERM)', () => replace(world, n));
  for (let n = 0; n < options.kills; n++) await make('an executor is killed', () => kill(world, n));
  pouring = false;
  await steady;
  await watch.stop();
  await Promise.all(executors.map((executor) => executor.stop()));
  await lab.close();
  return { capacity, quiet, laps };
}

function told({ pauses, others, awayMs, drain }: Lap): string {
  const [mine, theirs] = [pauses, others].map((list) => list.map(Math.round).join(' '));
  if (drain === null) return `${mine} ms, others ${theirs} ms`;
  const [rate, faultless] = [drain.rate, drain.faultless].map(Math.round);
  return `${mine} ms, others ${theirs} ms, Redis away ${Math.round(awayMs)} ms; ${drain.piled} behind, ${rate}/s, without a fault ${faultless}/s`;
}

const total = ({ behind }: Look): number => behind.reduce((sum, one) => sum + one, 0);

async function oneLap(world: World, act: () => Promise<Hit>, timed: boolean): Promise<Lap> {
  const { keys, watch } = world;
  const fromMs = performance.now();
  const { shards: known, over, awayMs = 0 } = await act();
  // What a killed process had sent Redis carries out after its end.
  await sleep(SENT_MS);
  const first = await watch.next(() => true, 'a look after the fault');
  const later = await watch.next(({ atMs }) => known !== 'still' || atMs > first.atMs + STILL_MS, 'a later look');
  const still = keys.flatMap((_, n) => (later.done[n] === first.done[n] ? [n] : []));
  const shards = known === 'still' ? still : known;
  const moved = await watch.next(
    ({ done }) => shards.every((shard) => done[shard]! > first.done[shard]!),
    'every shard goes on',
  );
  const drain = timed ? await timeDrain(world, moved) : null;
  await over;
  await sleep(CALM_MS);
  const all = longestPauses(watch.looks, fromMs, moved.atMs);
  return {
    pauses: shards.map((shard) => all[shard]!),
    others: all.filter((_, shard) => !shards.includes(shard)),
    ...{ awayMs, drain },
  };
}

async function timeDrain({ lab, keys, watch }: World, moved: Look): Promise<Drain> {
  const piled = total(moved);
  await watch.next((look) => total(look) <= piled / 10, 'the pile is worked off');
  const rate = drainRate(watch.looks, moved.atMs);
  await sleep(CALM_MS);
  await pile(lab.redis, keys, moved.behind);
  const laid = await watch.next(() => true, 'a look after the pile');
  await watch.next((look) => total(look) <= total(laid) / 10, 'the pile without a fault is worked off');
  return { piled, rate, faultless: drainRate(watch.looks, laid.atMs) };
}

async function heldBy({ lab, keys }: World, daemon: Daemon): Promise<number[]> {
  const owners = await Promise.all(keys.map((_, n) => lab.redis.hget(lab.keys.shard(MAPPING, shardIdOf(n)), 'owner')));
  return owners.flatMap((owner, n) => (owner === daemon.id ? [n] : []));
}

async function kill(world: World, n: number): Promise<Hit> {
  const at = n % EXECUTORS;
  const victim = world.executors[at]!;
  victim.kill('SIGKILL');
  await victim.stop();
  const over = world.start().then((successor) => (world.executors[at] = successor));
  return { shards: 'still', over };
}

async function replace(world: World, n: number): Promise<Hit> {
  const at = n % EXECUTORS;
  const old = world.executors[at]!;
  const successor = await world.start();
  const shards = await heldBy(world, old);
  await old.stop();
  world.executors[at] = successor;
  return { shards, over: Promise.resolve() };
}

async function crashRedis({ lab, keys }: World): Promise<Hit> {
  const from = performance.now();
  await lab.crashRedis();
  const awayMs = performance.now() - from;
  return { awayMs, shards: keys.map((_, n) => n), over: Promise.resolve() };
}
