/**
 * A process that holds a sandbox, as a daemon does, and lets hostile handlers loose in it. Its argument is its order as JSON; it prints a line of JSON
 * per case, and one with the figures of its own health at the end. Started with --expose-gc, so that its memory can be compared.
 */
import { Arena, type CaseRun } from './arena.ts';
import { plantInDaemon } from './canaries.ts';
import type { HostileCase } from './case.ts';
import { casesOf, SLOW_LOADS } from './corpus.ts';
import { quantile } from './quantile.ts';
import { randomOf, runAll, shuffled } from './schedule.ts';
import { takeVitals, type Vitals } from './vital-signs.ts';

export interface Order {
  readonly repeat: number;
  readonly only: string | null;
  readonly concurrency: number;
  readonly seed: number;
  /** Minutes of cases at random instead of passes over all. */
  readonly mixMinutes: number | null;
}

export interface Health {
  readonly node: string;
  readonly before: Vitals;
  readonly after: Vitals;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly victim: { readonly calls: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  /** The same victim with nothing beside it. */
  readonly victimAlone: { readonly p50Ms: number; readonly p99Ms: number };
  readonly complaints: readonly string[];
}

export type Said = { readonly run: CaseRun } | { readonly health: Health };

const ALONE_MS = 2_000;
/** The health before is that after the first pass, or after so many cases at random: what they load and compile is no leak. */
const WARM_UP_CASES = 100;

const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const order = JSON.parse(process.argv[2]!) as Order;
const random = randomOf(order.seed);
const cases = casesOf(order.only);
plantInDaemon();
const pristine = Object.getOwnPropertyNames(Object.prototype).length;
const complaints: string[] = [];
process.on('unhandledRejection', (reason) => complaints.push(`unhandled rejection in the daemon: ${String(reason)}`));
const arena = await Arena.open();
const runOne = async (one: HostileCase): Promise<void> => say({ run: await arena.run(one) });

arena.victim.start();
await new Promise((resolve) => setTimeout(resolve, 500));
arena.victim.reset();
await new Promise((resolve) => setTimeout(resolve, ALONE_MS));
const alone = arena.victim.reset();

await runAll(order.concurrency, order.mixMinutes === null ? handOut(1, 0) : handOut(0, WARM_UP_CASES), runOne);
const before = await takeVitals();
arena.victim.reset();
arena.loop.reset();
await runAll(
  order.concurrency,
  order.mixMinutes === null ? handOut(order.repeat - 1, 0) : atRandom(order.mixMinutes),
  runOne,
);
const after = await takeVitals();
const { calls, latencies, complaints: ofVictim } = await arena.victim.stop();
if (arena.strayLines > 0) complaints.push(`${arena.strayLines} log lines after their invocation's end`);
if (Object.getOwnPropertyNames(Object.prototype).length !== pristine) complaints.push('Object.prototype has changed');
say({
  health: {
    node: process.version,
    ...{ before, after, loopP99Ms: arena.loop.p99Ms, loopMaxMs: arena.loop.maxMs },
    victim: { calls, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), maxMs: quantile(latencies, 1) },
    victimAlone: { p50Ms: quantile(alone, 0.5), p99Ms: quantile(alone, 0.99) },
    complaints: [...complaints, ...ofVictim],
  },
});
await arena.close();

/** So many passes over all cases, each in an order of its own, and then so many single ones. */
function handOut(passes: number, more: number): () => HostileCase | null {
  let [left, passesLeft, moreLeft]: [HostileCase[], number, number] = [[], passes, more];
  return () => {
    if (left.length === 0 && passesLeft-- > 0) left = shuffled(cases, random);
    return left.pop() ?? (moreLeft-- > 0 ? cases[Math.floor(random() * cases.length)]! : null);
  };
}

function atRandom(minutes: number): () => HostileCase | null {
  const until = performance.now() + minutes * 60_000;
  const pool = order.only === null ? [...cases, ...SLOW_LOADS] : cases;
  return () => (performance.now() < until ? pool[Math.floor(random() * pool.length)]! : null);
}
