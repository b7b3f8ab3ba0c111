/** How long partitions stood still: their fetching (the spool did not grow), and their handlers (no start), while records kept coming. */
import type { HistoryLine } from '../../support/history.ts';
import type { TopicPartition } from './topic-source.ts';

/** The longest time between two of them that reaches into [from, to]; the last one may still come after it. */
export function longestPause(times: readonly number[], from: number, to: number): number {
  let longest = 0;
  for (const [index, at] of times.entries()) {
    const next = times[index + 1] ?? Infinity;
    if (next >= from && at <= to && Number.isFinite(next)) longest = Math.max(longest, next - at);
  }
  return longest;
}

export interface Pauses {
  /** ms, the longest over the partitions. */
  readonly fetching: number;
  readonly handling: number;
}

/** `from`, `to`: local monotonic ms. `history`: its clock runs `offset` ms ahead of the local one. */
export function pausesOf(
  partitions: readonly TopicPartition[],
  history: readonly HistoryLine[],
  window: { readonly from: number; readonly to: number; readonly offset: number },
): Pauses {
  const { from, to, offset } = window;
  const startsOf = (shard: string): number[] =>
    history.flatMap((line) => (line.kind === 'start' && line.shard === shard ? [line.tMono - offset] : []));
  const most = (pauses: readonly number[]): number => Math.round(Math.max(0, ...pauses));
  return {
    fetching: most(partitions.map(({ grewAt }) => longestPause(grewAt, from, to))),
    handling: most(partitions.map(({ shard }) => longestPause(startsOf(shard.name), from, to))),
  };
}
