/** Records at a rate, and how quickly those who read them catch up with many at once. */
import type { Redis } from 'ioredis';
import { fillShard } from '../../test/support/fill-shard.ts';
import { sleep } from './lab.ts';

export const SLICE_MS = 5;
const LOOK_MS = 20;
const DRAIN_MS = 180_000;
/** Four full batches: whoever reads never runs dry, and little waits. */
const BEHIND_PER_KEY = 400;
const WARM_MS = 2_000;
const PARTITION_KEY = 'key';

const dataOf = (id: number, counts: boolean): string =>
  JSON.stringify({ id, sentMs: Date.now(), counts, text: 'x'.repeat(140) });

export interface Pour {
  readonly perSecond: number;
  readonly seconds: number;
  /** False for records that only warm up, or bring handlers to tell what they still hold. */
  readonly counts: boolean;
}

/** Records at a rate, evenly over the keys; what is late because the machine is busy, or Redis away, comes with the next slice. */
export async function pour(
  redis: Redis,
  keys: readonly string[],
  { perSecond, seconds, counts }: Pour,
  goesOn: () => boolean = () => true,
): Promise<void> {
  const began = performance.now();
  const total = Math.round((perSecond * seconds) / keys.length);
  for (let sent = 0; sent < total && goesOn();) {
    const due = Math.min(total, Math.ceil((((performance.now() - began) / 1_000) * perSecond) / keys.length));
    if (due > sent) {
      const texts = [dataOf(sent, counts)];
      await Promise.all(keys.map((key) => fillShard(redis, key, PARTITION_KEY, texts, due - sent)));
      sent = due;
    }
    await sleep(SLICE_MS);
  }
}

/** So many records into each of the keys, at once. */
export async function pile(redis: Redis, keys: readonly string[], counts: readonly number[]): Promise<void> {
  const texts = [dataOf(0, false)];
  await Promise.all(keys.map((key, n) => fillShard(redis, key, PARTITION_KEY, texts, counts[n]!)));
}

/** How quickly it works off what it has to catch up with, once the producer is done: beside one at its limit the server has no time for it. */
export async function capacityOf(
  redis: Redis,
  keys: readonly string[],
  behind: () => Promise<number>,
  records: number,
): Promise<number> {
  const each = Math.ceil(records / keys.length);
  await pile(
    redis,
    keys,
    keys.map(() => each),
  );
  const [from, began] = [await behind(), performance.now()];
  // The last of them are few batches of few shards.
  const left = await until(behind, from / 20);
  const capacity = ((from - left) / (performance.now() - began)) * 1_000;
  await until(behind, 0);
  return capacity;
}

/**
 * Records per second that it handles for `seconds` while as many come as it takes: the producer puts more whenever less than some batches of
 * each key are behind, so that it and the server have their share of the processors, as they have under any load that lasts.
 */
export async function keptUpWith(
  redis: Redis,
  keys: readonly string[],
  behind: () => Promise<number>,
  seconds: number,
): Promise<number> {
  const most = BEHIND_PER_KEY * keys.length;
  const began = performance.now();
  const warmUntil = began + WARM_MS;
  const end = warmUntil + seconds * 1_000;
  let put = 0;
  let from: { readonly atMs: number; readonly handled: number } | null = null;
  for (;;) {
    const left = await behind();
    const now = performance.now();
    if (!from && now >= warmUntil) from = { atMs: now, handled: put - left };
    if (from && now >= end) {
      const handled = put - left - from.handled;
      await until(behind, 0);
      return (handled / (now - from.atMs)) * 1_000;
    }
    const each = Math.ceil((most - left) / keys.length);
    if (each < BEHIND_PER_KEY / 4) {
      await sleep(1);
      continue;
    }
    await pile(
      redis,
      keys,
      keys.map(() => each),
    );
    put += each * keys.length;
  }
}

/** What is still behind when it is so many at most. */
async function until(behind: () => Promise<number>, most: number): Promise<number> {
  for (const end = performance.now() + DRAIN_MS; performance.now() < end; await sleep(LOOK_MS)) {
    const left = await behind();
    if (left <= most) return left;
  }
  throw new Error(`not worked off after ${DRAIN_MS} ms`);
}
