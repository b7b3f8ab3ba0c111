/** I1 no loss, and that the durable counters agree with it. */
import type { EndState } from '../support/end-state.ts';
import type { HistoryLine } from '../support/history.ts';
import { positionsWithin, type ShardView, type Violation } from './shard-view.ts';

const EXCERPT_MAX = 10;

export function checkLoss(view: ShardView, end: EndState): Violation[] {
  if (!end.drained) return [];
  const found: Violation[] = [];
  const lost = view.accepted.filter((position) => !view.terminal.has(position));
  if (lost.length > 0) {
    const shown = lost.slice(0, EXCERPT_MAX);
    const excerpt = view.lines.filter((l) => 'positions' in l && shown.some((p) => l.positions.includes(p)));
    const message = `${lost.length} accepted positions neither succeeded nor left a notice: ${shown.join(' ')}`;
    found.push({ invariant: 'I1', shard: view.shard, message, excerpt: excerpt.slice(0, EXCERPT_MAX) });
  }
  return [...found, ...checkCounters(view, end)];
}

/** `settled` is exact (contract.md): each record is counted once, under the way in which it ended. */
function checkCounters(view: ShardView, end: EndState): Violation[] {
  const counters = end.shards.find(({ shard }) => shard === view.shard)?.settled;
  if (!counters) return [];
  const noticed = (wanted: (condition: string) => boolean): { positions: Set<string>; lines: HistoryLine[] } => {
    const lines = view.notices.filter((notice) => wanted(notice.condition));
    return { positions: new Set(lines.flatMap((n) => positionsWithin(view.known, n.first, n.last))), lines };
  };
  const expired = noticed((condition) => condition === 'RecordAgeExceeded');
  const givenUp = noticed((condition) => condition !== 'RecordAgeExceeded' && condition !== 'SourceGap');
  const gap = noticed((condition) => condition === 'SourceGap');
  const succeeded = view.known.length - expired.positions.size - givenUp.positions.size - gap.positions.size;
  const found: Violation[] = [];
  const compare = (name: string, counted: number, seen: number, excerpt: HistoryLine[]): void => {
    if (counted === seen) return;
    const message = `settled.${name} is ${counted}, the history has ${seen}`;
    found.push({ invariant: 'I1', shard: view.shard, message, excerpt: excerpt.slice(0, EXCERPT_MAX) });
  };
  compare('expired', counters.expired, expired.positions.size, expired.lines);
  compare('givenUp', counters.givenUp, givenUp.positions.size, givenUp.lines);
  compare('succeeded', counters.succeeded, succeeded, []);
  return found;
}
