/** One shard's part of the history, sorted out once for all checks. */
import {
  type AcceptedLine,
  type AttemptLine,
  comparePositions,
  type FaultLine,
  type HistoryLine,
  type NoticeLine,
} from '../support/history.ts';

/** Notices carry Redis TIME in whole ms; the recorder's clocks are finer and may be slewed a little meanwhile. */
export const CLOCK_SLACK_MS = 5;

export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11';
  readonly shard: string | null;
  readonly message: string;
  /** The fewest lines that show it. */
  readonly excerpt: readonly HistoryLine[];
}

/** One delivery that reached the handler and was not refused. */
export interface Attempt {
  readonly start: AttemptLine;
  /** Last word of this attempt on a position: `success` or `failure` line. */
  readonly outcome: Map<string, AttemptLine>;
}

export interface Fault {
  readonly begin: FaultLine;
  /** Infinity: never healed. */
  readonly end: number;
}

export interface Terminal {
  readonly at: number;
  readonly line: HistoryLine;
}

export interface ShardView {
  readonly shard: string;
  /** Every position that the source acknowledged, in order, without repeats. */
  readonly accepted: readonly string[];
  /** Those and what reached the handler without an acknowledgement (the reply was lost): every record that the shard is known to have. */
  readonly known: readonly string[];
  readonly acceptedLines: readonly AcceptedLine[];
  readonly lines: readonly HistoryLine[];
  readonly attempts: readonly Attempt[];
  readonly notices: readonly NoticeLine[];
  /** Earliest moment at which a position was known to be settled: its handler's last word, or its notice. */
  readonly terminal: ReadonlyMap<string, Terminal>;
  readonly faults: readonly Fault[];
}

export function collectFaults(history: readonly HistoryLine[]): Fault[] {
  const lines = history.filter((line) => line.kind === 'fault');
  return lines
    .filter((line) => line.phase === 'begin')
    .map((begin) => ({
      begin,
      end: lines.find((line) => line.phase === 'healed' && line.id === begin.id)?.tMono ?? Infinity,
    }));
}

/** `history` in the order of time (see withEndState). */
export function viewShards(history: readonly HistoryLine[]): ShardView[] {
  const faults = collectFaults(history);
  const byShard = new Map<string, HistoryLine[]>();
  for (const line of history) {
    if (!('shard' in line)) continue;
    const lines = byShard.get(line.shard);
    if (lines) lines.push(line);
    else byShard.set(line.shard, [line]);
  }
  return [...byShard].map(([shard, lines]) => viewShard(shard, lines, faults));
}

function viewShard(shard: string, lines: HistoryLine[], allFaults: Fault[]): ShardView {
  const acceptedLines = lines.filter((line) => line.kind === 'accepted');
  const accepted = [...new Set(acceptedLines.flatMap((line) => line.positions))].sort(comparePositions);
  const notices = lines.filter((line): line is NoticeLine => line.kind === 'notice' || line.kind === 'gap');
  const attempts = attemptsOf(lines);
  const faults = allFaults.filter(({ begin }) => begin.shards === '*' || begin.shards.includes(shard));
  const besides = lines.flatMap((line) => (line.kind === 'known' ? line.positions : []));
  const started = attempts.flatMap(({ start }) => start.positions);
  const known = [...new Set([...accepted, ...besides, ...started])].sort(comparePositions);
  const terminal = terminalOf(known, attempts, notices);
  return { shard, accepted, known, acceptedLines, lines, attempts, notices, terminal, faults };
}

function attemptsOf(lines: readonly HistoryLine[]): Attempt[] {
  const attempts: Attempt[] = [];
  const open = new Map<string, Attempt>();
  for (const line of lines) {
    if (line.kind !== 'start' && line.kind !== 'success' && line.kind !== 'failure') continue;
    const key = `${line.requestId}#${line.attempt}#${line.epoch}`;
    if (line.kind === 'start') {
      const attempt: Attempt = { start: line, outcome: new Map() };
      attempts.push(attempt);
      open.set(key, attempt);
    } else {
      for (const position of line.positions) open.get(key)?.outcome.set(position, line);
    }
  }
  return attempts;
}

/** The positions of a sorted list in [first, last], by binary search on both ends. */
export function positionsWithin(known: readonly string[], first: string, last: string): readonly string[] {
  return known.slice(lowerBound(known, first), upperBound(known, last));
}

/** Index of the first position that is not before `position`. */
export function lowerBound(known: readonly string[], position: string): number {
  let [low, high] = [0, known.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePositions(known[middle]!, position) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first position after `position`. */
export function upperBound(known: readonly string[], position: string): number {
  const index = lowerBound(known, position);
  return known[index] === position ? index + 1 : index;
}

function terminalOf(
  known: readonly string[],
  attempts: readonly Attempt[],
  notices: readonly NoticeLine[],
): Map<string, Terminal> {
  const terminal = new Map<string, Terminal>();
  const put = (position: string, at: number, line: HistoryLine): void => {
    const known = terminal.get(position);
    if (!known || at < known.at) terminal.set(position, { at, line });
  };
  for (const { outcome } of attempts) {
    for (const [position, line] of outcome) if (line.kind === 'success') put(position, line.tMono, line);
  }
  for (const notice of notices) {
    for (const position of positionsWithin(known, notice.first, notice.last)) {
      put(position, notice.tMono - CLOCK_SLACK_MS, notice);
    }
  }
  return terminal;
}
