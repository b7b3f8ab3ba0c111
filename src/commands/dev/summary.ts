/** What `millrace dev` says at its end. */
import type { Redis } from '../../redis/connect.ts';
import type { MappingProgress } from './progress.ts';
import { count } from './view.ts';

/** Retries by mapping, as the daemon counted them; null where it has no endpoint to ask. */
export type Retries = ReadonlyMap<string, number> | null;

export interface Ended {
  readonly tookMs: number;
  readonly drained: boolean;
  readonly retries: Retries;
  /** Mapping → its failure stream and the number of notices in it. */
  readonly notices: ReadonlyMap<string, { readonly stream: string; readonly count: number }>;
}

const METRICS_TIMEOUT_MS = 2_000;

/** From the daemon's own /metrics: the one place that counts them. */
export async function readRetries(http: string | null): Promise<Retries> {
  if (http === null) return null;
  const response = await fetch(`http://${http}/metrics`, { signal: AbortSignal.timeout(METRICS_TIMEOUT_MS) });
  const text = await response.text();
  const lines = text.matchAll(/^millrace_retries_total\{mapping="((?:[^"\\]|\\.)*)"\} (\d+)/gm);
  return new Map([...lines].map((line) => [line[1]!, Number(line[2])]));
}

export async function countNotices(redis: Redis, streams: ReadonlyMap<string, string>): Promise<Ended['notices']> {
  const counts = [...streams].map(
    async ([mapping, stream]) => [mapping, { stream, count: await redis.xlen(stream) }] as const,
  );
  return new Map(await Promise.all(counts));
}

export function summaryLines(progress: readonly MappingProgress[], ended: Ended): string[] {
  const seconds = ended.tookMs / 1_000;
  const head = ended.drained ? `Drained after ${seconds.toFixed(1)} s.` : `Ended after ${seconds.toFixed(1)} s.`;
  return [head, ...progress.flatMap((one) => mappingSummary(one, ended, seconds))];
}

function mappingSummary(progress: MappingProgress, ended: Ended, seconds: number): string[] {
  const { name } = progress.mapping;
  const rows: [string, string][] = [['records', `${count(progress.settled)} settled, ${count(progress.lag)} left`]];
  // Of this run: what an earlier run settled is in the total, not in the rate.
  rows.push(['rate', `${count(progress.perRun / Math.max(seconds, 0.001))} per s on average`]);
  const retried = ended.retries?.get(name);
  if (retried !== undefined) rows.push(['retried', `${count(retried)} ${retried === 1 ? 'batch' : 'batches'}`]);
  rows.push(['given up', count(progress.givenUp)]);
  const notices = ended.notices.get(name);
  if (notices !== undefined) rows.push(['notices', `${count(notices.count)} in the Redis stream ${notices.stream}`]);
  return [`  ${name}`, ...rows.map(([label, text]) => `    ${label.padEnd(10)}${text}`)];
}
