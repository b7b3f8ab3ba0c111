/** What a process of a run and its children hold, as the system tells it, and what Redis holds, as it tells itself. */
import { readdirSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { memoryOf, ofProcess, type ProcessMemory } from '../../support/process-memory.ts';
import { sandboxesOf } from './sandboxes.ts';

export interface Vitals extends ProcessMemory {
  readonly descriptors: number;
  readonly children: number;
  /** Of all of them. */
  readonly childrenRssMb: number;
}

/** null: it is gone. */
export function vitalsOf(pid: number): Vitals | null {
  const own = memoryOf(pid);
  const descriptors = ofProcess(() => readdirSync(`/proc/${pid}/fd`).length, 0);
  if (!own || descriptors === 0) return null;
  const children = sandboxesOf(pid).flatMap((child) => memoryOf(child) ?? []);
  const childrenRssMb = children.reduce((sum, { rssMb }) => sum + rssMb, 0);
  return { ...own, descriptors, children: children.length, childrenRssMb };
}

/** What Redis has in use, and how many keys. */
export async function redisVitals(redis: Redis): Promise<{ readonly usedMb: number; readonly keys: number }> {
  const [info, keys] = await Promise.all([redis.info('memory'), redis.dbsize()]);
  return { usedMb: Number(/used_memory:(\d+)/.exec(info)![1]) / 1024 ** 2, keys };
}
