/**
 * Rewinds: what ran before one and what ran after it are two histories of the shard, each with the invariants of its own. The last one keeps
 * the shard's name; an earlier one ends where its records run again.
 */
import { type AcceptedLine, comparePositions, type HistoryLine, type RewindLine } from '../support/history.ts';
import type { EndState } from '../support/end-state.ts';
import type { Violation } from './shard-view.ts';

const PAST = ' generation ';

/** `history` in the order of time; equal to it where nothing was rewound. */
export function splitGenerations(history: readonly HistoryLine[]): HistoryLine[] {
  const rewinds = rewindsOf(history);
  if (rewinds.size === 0) return [...history];
  return history.flatMap((line): HistoryLine[] => {
    if (line.kind === 'fault') {
      if (line.shards === '*') return [line];
      return [{ ...line, shards: line.shards.flatMap((shard) => namesOf(shard, rewinds.get(shard) ?? [])) }];
    }
    const own = 'shard' in line ? rewinds.get(line.shard) : undefined;
    if (!own || !('shard' in line) || line.kind === 'rewind' || line.kind === 'lease') return [line];
    if (line.kind === 'accepted') return acceptedIn(line, own);
    return [{ ...line, shard: namesOf(line.shard, own)[indexOf(line, own)]! }];
  });
}

function rewindsOf(history: readonly HistoryLine[]): Map<string, RewindLine[]> {
  const found = new Map<string, RewindLine[]>();
  for (const line of history)
    if (line.kind === 'rewind') found.set(line.shard, [...(found.get(line.shard) ?? []), line]);
  for (const lines of found.values()) lines.sort((a, b) => a.atMs - b.atMs);
  return found;
}

/** It was rewound since: what is open in it is another generation's. */
export function isOver({ shard }: { readonly shard: string }): boolean {
  return shard.includes(PAST);
}

function namesOf(shard: string, rewinds: readonly RewindLine[]): string[] {
  return [...rewinds.map((_, index) => `${shard}${PAST}${index + 1}`), shard];
}

/** Which generation, from 0: by the epoch, which rises with a rewind and is a time; by Redis' time; or as it was read with the position. */
function indexOf(line: HistoryLine, rewinds: readonly RewindLine[]): number {
  if (line.kind === 'checkpoint' || line.kind === 'ack') return (line.generation ?? rewinds.length + 1) - 1;
  const isPast = (rewind: RewindLine): boolean =>
    'epoch' in line ? BigInt(line.epoch) >= BigInt(rewind.atMs) * 1000n : line.tWall >= rewind.atMs;
  return rewinds.filter(isPast).length;
}

/** Of each generation: what is settled in it for good, and what it knew besides, which need not be. */
function acceptedIn(line: AcceptedLine, rewinds: readonly RewindLine[]): HistoryLine[] {
  return namesOf(line.shard, rewinds).flatMap((shard, index): HistoryLine[] => {
    const [begin, next] = [rewinds[index - 1]?.first, rewinds[index]?.first];
    const own = line.positions.filter((position) => !begin || comparePositions(position, begin) >= 0);
    const again = (position: string): boolean => next !== undefined && comparePositions(position, next) >= 0;
    const parts = [
      { ...line, shard, positions: own.filter((position) => !again(position)) },
      { ...line, shard, positions: own.filter(again), kind: 'known' as const },
    ];
    return parts.filter(({ positions }) => positions.length > 0);
  });
}

/** Of a shard that was rewound `settled` counts the records once, and what ran again once more: `redelivered`. */
export function checkRedelivered(history: readonly HistoryLine[], end: EndState): Violation[] {
  if (!end.drained) return [];
  return [...rewindsOf(history)].flatMap(([name, rewinds]): Violation[] => {
    const shard = end.shards.find((candidate) => candidate.shard === name);
    const known = new Set(
      history.flatMap((line) =>
        (line.kind === 'accepted' || line.kind === 'start') && line.shard === name ? line.positions : [],
      ),
    );
    const { succeeded, expired, givenUp } = shard?.settled ?? { succeeded: 0, expired: 0, givenUp: 0 };
    const [counted, wanted] = [succeeded + expired + givenUp, known.size + (shard?.redelivered ?? 0)];
    if (counted === wanted) return [];
    const message = `settled counts ${counted}, ${known.size} records and ${shard?.redelivered ?? 0} that ran again are ${wanted}`;
    return [{ invariant: 'I1', shard: name, message, excerpt: rewinds }];
  });
}

/** Without the counts of shards that were rewound: these are of all generations together. */
export function endOfGenerations(history: readonly HistoryLine[], end: EndState): EndState {
  const rewound = rewindsOf(history);
  const shards = end.shards.map(({ settled, ...shard }) =>
    rewound.has(shard.shard) || settled === undefined ? shard : { ...shard, settled },
  );
  return { ...end, shards };
}
