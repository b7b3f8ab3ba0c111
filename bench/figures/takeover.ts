/** (f): a daemon is killed without warning; how long its shards stand still. */
import { type Program, startMillrace } from '../support/daemon.ts';
import { mappingOf, openLab, sleep } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load } from '../support/report.ts';
import { latencies } from '../support/statistics.ts';

const SHARDS = 8;
const DAEMONS = 2;
/** Half of the shards each, so that a kill always hits some that are running. */
const TURNS = SHARDS / DAEMONS;
const LOOK_EVERY_MS = 20;
const STUCK_MS = 60_000;

/** Slow and idle: the shards are always running, and the processors are free. */
const WAITS = `export const handler = () => new Promise((resolve) => setTimeout(resolve, 20));
`;

export async function takeover(options: Options): Promise<Figure> {
  const before = load();
  const lab = await openLab();
  await lab.createStream('s', SHARDS);
  await lab.fill(
    's',
    () => Math.max(20_000, options.kills * 1_000),
    (_, n) => `{"id":${n}}`,
  );
  const config = lab.configure(WAITS, { m: mappingOf('s', 1) });
  const start = () => startMillrace(config, ['--concurrency', String(TURNS)]);
  const daemons = await Promise.all(Array.from({ length: DAEMONS }, start));
  const counts = async (): Promise<number[]> => {
    const all = Array.from({ length: SHARDS }, (_, n) => lab.shardSucceeded('m', n));
    return Promise.all(all);
  };
  /** Milliseconds until every shard has settled more than it had when this was called, and how many stood still for over a second. */
  const untilAllMove = async (): Promise<{ ms: number; stood: number }> => {
    const at = performance.now();
    const had = await counts();
    const moved = had.map(() => 0);
    while (moved.some((ms) => ms === 0)) {
      await sleep(LOOK_EVERY_MS);
      const now = await counts();
      for (const [n, count] of now.entries()) {
        if (moved[n] === 0 && count > had[n]!) moved[n] = performance.now() - at;
      }
      if (performance.now() - at > STUCK_MS) throw new Error(`a shard stood still for ${STUCK_MS} ms after a kill`);
    }
    return { ms: Math.max(...moved), stood: moved.filter((ms) => ms > 1_000).length };
  };
  const times: number[] = [];
  let hit = 0;
  await untilAllMove();
  for (let n = 0; n < options.kills; n++) {
    await sleep(1_000 + Math.random() * 1_000);
    const victim: Program = daemons[n % DAEMONS]!;
    process.kill(victim.pid, 'SIGKILL');
    const { ms, stood } = await untilAllMove();
    times.push(ms);
    hit += stood;
    await victim.stop();
    daemons[n % DAEMONS] = await start();
    await untilAllMove();
    if ((n + 1) % 5 === 0) options.progress(`${n + 1} kills, the last ${Math.round(ms)} ms`);
  }
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  await lab.close();
  const { p50, p99, max } = latencies(times);
  return {
    id: 'f',
    title: `SIGKILL of one of ${DAEMONS} daemons, ${options.kills} times: until the last of its shards goes on`,
    rows: [
      { name: 'median', unit: 'ms', values: [p50] },
      { name: 'p99', unit: 'ms', values: [p99], aim: 'at most 10,000' },
      { name: 'longest', unit: 'ms', values: [max] },
      { name: 'shards that stood still', unit: 'per kill', values: [hit / options.kills] },
    ],
    notes: [
      `${SHARDS} shards, all running; from the signal to the settle after it, looked at every ${LOOK_EVERY_MS} ms`,
    ],
    load: [before, load()],
  };
}
