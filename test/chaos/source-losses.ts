/**
 * What a source lost that had accepted it (Redis streams on a Redis that lost its last writes) is nobody's to deliver: the history without it.
 * What is there at the end has to be settled as ever.
 */
import type { HistoryLine } from '../support/history.ts';

export function withoutSourceLosses(history: readonly HistoryLine[]): HistoryLine[] {
  const lost = new Set(
    history.flatMap((line) =>
      line.kind === 'source-lost' ? line.positions.map((position) => nameOf(line.shard, position)) : [],
    ),
  );
  if (lost.size === 0) return [...history];
  return history.flatMap((line): HistoryLine[] => {
    if (!('positions' in line)) return [line];
    const positions = line.positions.filter((position) => !lost.has(nameOf(line.shard, position)));
    return positions.length > 0 ? [{ ...line, positions }] : [];
  });
}

function nameOf(shard: string, position: string): string {
  return `${shard} ${position}`;
}
