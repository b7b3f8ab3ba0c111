/** What a process of a run and its children hold, as the system tells it, and what Redis holds, as it tells itself. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

export interface Vitals {
  readonly rssMb: number;
  /** The most it ever was. */
  readonly peakRssMb: number;
  readonly descriptors: number;
  readonly children: number;
  /** Of all of them. */
  readonly childrenRssMb: number;
}

/** null: it is gone. */
export function vitalsOf(pid: number): Vitals | null {
  const own = memoryOf(pid);
  const descriptors = namesIn(`/proc/${pid}/fd`).length;
  if (!own || descriptors === 0) return null;
  const children = childrenOf(pid).flatMap((child) => memoryOf(child) ?? []);
  const childrenRssMb = children.reduce((sum, { rssMb }) => sum + rssMb, 0);
  return { ...own, descriptors, children: children.length, childrenRssMb };
}

/** All that a thread of it started, and that is alive. */
export function childrenOf(pid: number): number[] {
  return namesIn(`/proc/${pid}/task`).flatMap((thread) =>
    textOf(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

export function memoryOf(pid: number): { readonly rssMb: number; readonly peakRssMb: number } | null {
  const status = textOf(`/proc/${pid}/status`);
  const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
  // One that has ended and was not waited for has a status without memory.
  return mb('VmRSS') === 0 ? null : { rssMb: mb('VmRSS'), peakRssMb: mb('VmHWM') };
}

/** What Redis has in use, and how many keys. */
export async function redisVitals(redis: Redis): Promise<{ readonly usedMb: number; readonly keys: number }> {
  const [info, keys] = await Promise.all([redis.info('memory'), redis.dbsize()]);
  return { usedMb: Number(/used_memory:(\d+)/.exec(info)![1]) / 1024 ** 2, keys };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    return gone(error, []);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return gone(error, '');
  }
}

/** Processes end while they are looked at. */
function gone<T>(error: unknown, instead: T): T {
  if (['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) return instead;
  throw error;
}
