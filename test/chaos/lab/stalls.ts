/** Executors that stand still for a while, several at once: as processes, or with their loop only. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LOCK_MS } from '../../../src/limits.ts';
import { eventually } from '../../support/daemon.ts';
import { type Lab, type LabDaemon, pause } from './lab.ts';
import { MAPPING } from './source.ts';

const EXECUTORS = 6;
/** What a daemon had sent by then still takes effect. */
const LAST_WORDS_MS = 50;
const ANSWER_MS_MAX = 60_000;

/** For `LabSpec.preloads`. */
export const BLOCKING = [new URL('./blocking-preload.ts', import.meta.url).href];

export interface Stall {
  /** How long it really was: until the daemon answered again. */
  readonly ms: number;
  /** The shards that it had. */
  readonly hit: readonly string[];
  /** How long ago the oldest of their locks had been renewed when it began. */
  readonly lockAgeMs: number;
}

export async function startExecutors(lab: Lab): Promise<void> {
  lab.start('--role', 'poller');
  for (let i = 0; i < EXECUTORS; i++) lab.start('--role', 'executor', '--concurrency', '16');
  await Promise.all(lab.daemons.map(({ process }) => process.ready));
}

/** One executor for each of the times, all at once. */
export async function stallSome(
  lab: Lab,
  times: readonly number[],
  stall: (lab: Lab, daemon: LabDaemon, ms: number) => Promise<Stall>,
): Promise<Stall[]> {
  const some = lab.random.some(await lab.someReady('executor', EXECUTORS), times.length);
  return await Promise.all(some.map((daemon, index) => stall(lab, daemon, times[index]!)));
}

/** SIGSTOP and SIGCONT. */
export async function stopFor(lab: Lab, daemon: LabDaemon, ms: number): Promise<Stall> {
  const id = await lab.beginFault('SIGSTOP');
  daemon.process.kill('SIGSTOP');
  const began = performance.now();
  await pause(LAST_WORDS_MS);
  const hit = await lab.ownedBy(daemon);
  const lockAgeMs = (await oldestLock(lab, hit)) - (performance.now() - began);
  await pause(ms - (performance.now() - began));
  daemon.process.kill('SIGCONT');
  await ask(daemon, '/livez');
  const stood = performance.now() - began;
  await lab.healFault(id, 'SIGSTOP', hit);
  return { ms: stood, hit, lockAgeMs };
}

/** Its loop stands still; the processes that run functions for it go on. */
export async function blockFor(lab: Lab, daemon: LabDaemon, ms: number): Promise<Stall> {
  await writeFile(path.join(lab.dir, `block-${daemon.process.pid}`), String(ms));
  const id = await lab.beginFault('loop blocked');
  const began = performance.now();
  daemon.process.kill('SIGURG');
  await pause(LAST_WORDS_MS);
  const hit = await lab.ownedBy(daemon);
  await ask(daemon, '/livez');
  const stood = performance.now() - began;
  await lab.healFault(id, 'loop blocked', hit);
  return { ms: stood, hit, lockAgeMs: 0 };
}

/** Since when it has not been renewed, ms. A turn that has just ended has none. */
async function oldestLock({ redis, keys, shards }: Lab, names: readonly string[]): Promise<number> {
  const base = `${keys.queuePrefix()}:${MAPPING}`;
  const ages = shards
    .filter(({ name }) => names.includes(name))
    .map(async ({ shardId }) => {
      const left = await redis.pttl(`${base}:${await redis.get(`${base}:de:${shardId}`)}:lock`);
      return left < 0 ? 0 : LOCK_MS - left;
    });
  return Math.max(0, ...(await Promise.all(ages)));
}

/** Resolves when it answers, however long it stands still: a request that is older than the server's bound for one is cut, and made again. */
export async function ask(daemon: LabDaemon, what: string): Promise<string> {
  const { http } = await daemon.process.ready;
  const tryIt = () =>
    fetch(`http://${String(http)}${what}`, { headers: { connection: 'close' } }).then(
      (answer) => answer.text(),
      () => '',
    );
  return await eventually(tryIt, (text) => text !== '', { withinMs: ANSWER_MS_MAX, what: `an answer to ${what}` });
}

/** Shards that were taken from a daemon that seemed to be lost, by all daemons. */
export async function takeoversIn(lab: Lab): Promise<number> {
  const texts = await Promise.all(lab.ready().map((daemon) => ask(daemon, '/metrics')));
  const found = texts.flatMap((text) => [...text.matchAll(/^millrace_takeovers_total\{.*\} (\d+)$/gm)]);
  return found.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Requests that the gateway did not let out, and settles that the shard's state refused. */
export function refusedBy(lab: Lab): { requests: number; settles: number } {
  const lines = lab.daemons.flatMap((daemon) => daemon.process.lines);
  const count = (pattern: RegExp): number => lines.filter(({ msg }) => pattern.test(msg)).length;
  return { requests: count(/^invocation failed: .*ERR_EGRESS_FENCED/), settles: count(/^fenced: .* was superseded/) };
}
