/** One measured stretch of a run: from when it has warmed up, for a few seconds, or until no records are left. */
import { forgetPeak } from '../../test/support/process-memory.ts';
import type { Program } from './daemon.ts';
import { sleep } from './lab.ts';
import { costOf } from './processes.ts';
import type { Pids } from './stages.ts';

/** As it is kept in bench/results. */
export interface Sample {
  readonly recordsPerSecond: number;
  /** CPU seconds per million records, of all processes, and by process. */
  readonly cpuPerMillion: number;
  readonly cpu: Readonly<Record<string, number>>;
  /** Peak resident memory in MB, by process; that of what serves the records holds all of them. */
  readonly peakRssMb: Readonly<Record<string, number>>;
  readonly records: number;
  readonly seconds: number;
}

/** Records done so far; `over` when there are no more. */
export interface Progress {
  readonly done: number;
  readonly over: boolean;
}

const WARM_MS = 1_000;
const STUCK_MS = 60_000;
const LOOK_EVERY_MS = 10;

/** `look` answers at once or soon, and again and again. */
export async function measureStretch(
  look: () => Promise<Progress>,
  pids: Pids,
  seconds: number,
  warmMs = WARM_MS,
): Promise<Sample> {
  await until(look, ({ done, over }) => done > 0 || over);
  const warm = performance.now() + warmMs;
  const began = await until(look, ({ over }) => over || performance.now() >= warm);
  if (began.over) throw new Error('there are too few records: it was over before it was warm');
  for (const list of Object.values(pids())) for (const pid of list) forgetPeak(pid);
  const [fromMs, from] = [performance.now(), costs(pids)];
  const ended = await until(
    look,
    ({ done, over }) => over || (done > began.done && performance.now() - fromMs >= seconds * 1_000),
  );
  const [toMs, to] = [performance.now(), costs(pids)];
  const records = ended.done - began.done;
  const cpu = Object.fromEntries(
    Object.entries(to).map(([name, cost]) => [
      name,
      round(((cost.cpuSeconds - (from[name]?.cpuSeconds ?? 0)) / records) * 1e6),
    ]),
  );
  return {
    recordsPerSecond: Math.round((records / (toMs - fromMs)) * 1_000),
    cpuPerMillion: round(Object.values(cpu).reduce((sum, one) => sum + one, 0)),
    cpu,
    peakRssMb: Object.fromEntries(Object.entries(to).map(([name, cost]) => [name, Math.round(cost.peakRssMb)])),
    records,
    seconds: round((toMs - fromMs) / 1_000),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

function costs(pids: Pids): Record<string, ReturnType<typeof costOf>> {
  return Object.fromEntries(Object.entries(pids()).map(([name, list]) => [name, costOf(list)]));
}

async function until(look: () => Promise<Progress>, enough: (progress: Progress) => boolean): Promise<Progress> {
  const end = performance.now() + STUCK_MS;
  for (let last: Progress | undefined; performance.now() < end; await sleep(LOOK_EVERY_MS)) {
    last = await look();
    if (enough(last)) return last;
  }
  throw new Error(`nothing came of it within ${STUCK_MS} ms`);
}

const FRESH_MS = 2;

/** What a peer tells of itself (telling.ts): the next line that it writes. */
export function progressOf(program: Program): () => Promise<Progress> {
  let fresh: Progress | undefined;
  program.onLine((line) => {
    const told = /^(at|end) (\d+)/.exec(line);
    if (told) fresh = { done: Number(told[2]), over: told[1] === 'end' };
  });
  return async () => {
    fresh = undefined;
    const end = performance.now() + STUCK_MS;
    for (;;) {
      if (fresh !== undefined) return fresh;
      const last = program.ended();
      if (last !== undefined) throw new Error(`it ended: ${last}`);
      if (performance.now() > end) throw new Error(`it has told nothing for ${STUCK_MS} ms`);
      await sleep(FRESH_MS);
    }
  };
}
