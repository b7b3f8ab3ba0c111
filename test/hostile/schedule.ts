/** Which case runs when: every case so many times, or at random until the time is over. Repeatable from its seed, but for what runs beside what. */
import type { HostileCase } from './case.ts';

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One pass over all cases, in an order of its own. */
export function shuffled(cases: readonly HostileCase[], random: () => number): HostileCase[] {
  const all = [...cases];
  for (let i = all.length - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1));
    [all[i], all[k]] = [all[k]!, all[i]!];
  }
  return all;
}

/** Runs what `next` hands out, `concurrency` at a time; null ends it. */
export async function runAll(
  concurrency: number,
  next: () => HostileCase | null,
  run: (one: HostileCase) => Promise<void>,
): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let one = next(); one !== null; one = next()) await run(one);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
