/** A steady flow of records, and the time from each one's XADD to the handler. */
import type { Program } from './daemon.ts';
import { type Lab, sleep } from './lab.ts';

/**
 * The isolate's clock and ours are the same machine's wall clock, in whole milliseconds. Each child tells what it saw in lines of some
 * hundred records, so that telling does not disturb what is measured; what a child has not told at the end is left out.
 */
export const TIMES = `let latencies = [];
let toldMs = Date.now();
export const handler = async (event) => {
  const now = Date.now();
  for (const record of event.Records) {
    const { sentMs, counts } = JSON.parse(Buffer.from(record.kinesis.data, 'base64'));
    if (counts) latencies.push(now - sentMs);
  }
  if (latencies.length === 0 || (latencies.length < 400 && now - toldMs < 1000)) return;
  console.log(JSON.stringify({ latencies }));
  latencies = [];
  toldMs = now;
};
`;

/** Collects what handlers or a peer say, from now on. */
export function collectLatencies(program: Program): number[] {
  const all: number[] = [];
  program.onLine((line) => {
    const json = /\{\\?"latencies\\?":(\[[\d,.-]*\])\}/.exec(line)?.[1];
    if (json !== undefined) all.push(...(JSON.parse(json) as number[]));
  });
  return all;
}

export interface Flow {
  readonly keys: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
  /** False for records that only warm up, or bring handlers to tell what they still hold. */
  readonly counts: boolean;
}

const SLICE_MS = 5;

/** XADDs one by one, each at its time as well as a timer can; over the keys in turn, in strides so that neighbours do not follow each other. */
export async function flow(lab: Lab, { keys, perSecond, seconds, counts }: Flow): Promise<number> {
  const began = performance.now();
  const total = Math.round(perSecond * seconds);
  const stride = keys.length > 100 ? 7_919 : 1;
  let sent = 0;
  let last: Promise<unknown> = Promise.resolve();
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1_000) * perSecond) + 1);
    for (; sent < due; sent++) {
      const key = keys[(sent * stride) % keys.length]!;
      const data = JSON.stringify({ id: sent, sentMs: Date.now(), counts, text: 'x'.repeat(140) });
      last = lab.redis.xadd(key, '*', 'partitionKey', `key-${sent}`, 'data', data);
    }
    const nextMs = began + (sent / perSecond) * 1_000 - performance.now();
    await sleep(Math.max(1, Math.min(SLICE_MS, nextMs)));
  }
  await last;
  return sent;
}
