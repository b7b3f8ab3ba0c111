/** What operators skip is what they named: up to a record and no further. For histories that tell of each skip. */
import { comparePositions, type HistoryLine, type NoticeLine, type SkipLine } from '../support/history.ts';
import type { Violation } from './shard-view.ts';

/** `history` in the order of time. */
export function checkSkips(history: readonly HistoryLine[]): Violation[] {
  const skips = history.filter((line): line is SkipLine => line.kind === 'skip');
  if (skips.length === 0) return [];
  return history.flatMap((line): Violation[] => {
    if (line.kind !== 'notice' || line.condition !== 'SkippedByOperator') return [];
    const named = skips.filter(({ shard, tMono }) => shard === line.shard && tMono <= line.tMono);
    if (named.some(({ last }) => comparePositions(line.last, last) <= 0)) return [];
    return [{ invariant: 'I1', shard: line.shard, message: beyond(line), excerpt: [...named.slice(-1), line] }];
  });
}

function beyond({ first, last }: NoticeLine): string {
  return `${first} to ${last} were skipped, and nobody had named ${last}`;
}
