/** What processes cost, from /proc: CPU seconds of whole trees, with all their threads and the children they have outlived, and memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { memoryOf } from '../../test/support/process-memory.ts';

/** USER_HZ: what /proc counts in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Own and waited-for children's. */
  readonly cpuSeconds: number;
}

export interface Cost {
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
  readonly processes: number;
}

const NOTHING: Cost = { cpuSeconds: 0, rssMb: 0, peakRssMb: 0, processes: 0 };

function readStat(pid: number): Stat | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return { pid, parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    return undefined; // It ended meanwhile.
  }
}

/** Memory of a process that is its own: pages shared with others counted by their share. */
export function proportionalMb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
}

/** Process ids of everything that `pid` started and that is alive, without itself. */
export function descendants(pid: number): number[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined);
  const found = new Set([pid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const stat of all) if (found.has(stat.parent)) found.add(stat.pid);
  }
  return [...found].filter((one) => one !== pid);
}

/** Children that ended are in their parent's CPU seconds, so a tree's sum never falls. */
export function costOf(pids: readonly number[]): Cost {
  return pids.reduce((sum, pid) => {
    const stat = readStat(pid);
    if (!stat) return sum;
    const memory = memoryOf(pid);
    return {
      cpuSeconds: sum.cpuSeconds + stat.cpuSeconds,
      rssMb: sum.rssMb + (memory?.rssMb ?? 0),
      peakRssMb: sum.peakRssMb + (memory?.peakRssMb ?? 0),
      processes: sum.processes + 1,
    };
  }, NOTHING);
}

/** The named processes, each with or without what it started: Redis, a daemon, its children. */
export interface Snapshot {
  readonly atMs: number;
  readonly redis: Cost;
  readonly main: Cost;
  readonly children: Cost;
}

export function snapshot(redisPid: number, mainPid: number): Snapshot {
  return {
    atMs: performance.now(),
    redis: costOf([redisPid]),
    main: costOf([mainPid]),
    children: costOf(descendants(mainPid)),
  };
}

/** CPU seconds between two snapshots, by process. A child that ended meanwhile has moved into its parent's sum. */
export function cpuBetween(
  from: Snapshot,
  to: Snapshot,
): { redis: number; main: number; children: number; all: number } {
  const redis = to.redis.cpuSeconds - from.redis.cpuSeconds;
  const main = to.main.cpuSeconds - from.main.cpuSeconds;
  const children = to.children.cpuSeconds - from.children.cpuSeconds;
  return { redis, main, children, all: redis + main + children };
}

/** CPU time of a process and all its threads that live, in µs. */
export function cpuMicros(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    return sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1_000;
  }, 0);
}

/** Resident memory of a process, in MB. */
export function residentMb(pid: number): number {
  return memoryOf(pid)?.rssMb ?? 0;
}
