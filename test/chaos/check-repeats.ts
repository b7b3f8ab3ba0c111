/** I4 duplicates. A retry after a recorded failure is none; anything else that reaches the handler again is. */
import { comparePositions, type PositionLine } from '../support/history.ts';
import { type Attempt, CLOCK_SLACK_MS, type Fault, type ShardView, type Violation } from './shard-view.ts';

export interface RepeatOptions {
  /** The function can fail without a `failure` line (timeout, out of memory, crash): an attempt without a last word explains a retry. */
  readonly silentFailures?: boolean;
}

export interface Repeat {
  readonly position: string;
  readonly previous: Attempt;
  readonly again: Attempt;
  /** What explains it; null: nothing does. */
  readonly fault: Fault | null;
}

export function checkRepeats(view: ShardView, options: RepeatOptions): Violation[] {
  const found: Violation[] = [];
  for (const { position, previous, again, fault } of findRepeats(view, options)) {
    const excerpt = [previous.start, ...present(previous.outcome.get(position)), again.start];
    if (!fault) {
      const message = `${position} was delivered again and no fault explains it`;
      found.push({ invariant: 'I4', shard: view.shard, message, excerpt });
    }
  }
  return [...found, ...checkSettledStay(view), ...checkCounted(view)];
}

/** Every repeat with the fault that explains it; one fault explains one repeat of a position. */
export function findRepeats(view: ShardView, options: RepeatOptions): Repeat[] {
  const repeats: Repeat[] = [];
  const last = new Map<string, Attempt>();
  const used = new Map<string, Set<Fault>>();
  for (const again of view.attempts) {
    for (const position of again.start.positions) {
      const previous = last.get(position);
      last.set(position, again);
      if (!previous) continue;
      const word = previous.outcome.get(position)?.kind;
      if (word === 'failure') continue;
      const spent = used.get(position) ?? new Set<Fault>();
      const fault = view.faults.find((candidate) => !spent.has(candidate) && explains(candidate, previous, again));
      if (fault) used.set(position, spent.add(fault));
      else if (word === undefined && options.silentFailures) continue;
      repeats.push({ position, previous, again, fault: fault ?? null });
    }
  }
  return repeats;
}

/**
 * The fault was there at some moment between the two deliveries. A clean stop is no excuse. Of a loss in Redis it is enough that the turn of the
 * first delivery was taken before: what it knows of the shard is not there any more, so nothing that it does since can be settled.
 */
function explains(fault: Fault, previous: Attempt, again: Attempt): boolean {
  if (fault.begin.clean || fault.begin.tMono > again.start.tMono) return false;
  const since = fault.begin.lossy === true ? takenAt(previous) : previous.start.tMono;
  return fault.end >= since;
}

/** On the recorder's clock. An epoch is the moment of the take by Redis' clock, in microseconds. */
function takenAt({ start: { epoch, tMono, tWall } }: Attempt): number {
  return Math.min(tMono, tMono - tWall + Number(epoch) / 1_000 - CLOCK_SLACK_MS);
}

/** Once the checkpoint was seen at or after a position, the position never starts again. */
function checkSettledStay(view: ShardView): Violation[] {
  const found: Violation[] = [];
  let highest: PositionLine | null = null;
  for (const line of view.lines) {
    if (line.kind === 'checkpoint') {
      if (!highest || comparePositions(line.position, highest.position) > 0) highest = line;
    } else if (line.kind === 'start' && highest) {
      const seen: PositionLine = highest;
      const settled = line.positions.find((position) => comparePositions(position, seen.position) <= 0);
      const lossy = view.faults.some(({ begin }) => begin.lossy === true && begin.tMono <= line.tMono);
      if (settled === undefined || lossy) continue;
      const message = `${settled} started although the checkpoint had been at ${seen.position}`;
      found.push({ invariant: 'I4', shard: view.shard, message, excerpt: [seen, line] });
    }
  }
  return found;
}

/** Deliveries are counted durably before the run (P3): within a request id their number rises, whatever crashed in between. */
function checkCounted(view: ShardView): Violation[] {
  const found: Violation[] = [];
  const last = new Map<string, Attempt>();
  for (const attempt of view.attempts) {
    const { start } = attempt;
    const previous = last.get(start.requestId);
    last.set(start.requestId, attempt);
    if (!previous || start.attempt > previous.start.attempt) continue;
    if (view.faults.some(({ begin }) => begin.lossy === true && begin.tMono <= start.tMono)) continue;
    const message = `attempt ${start.attempt} of ${start.requestId} began after attempt ${previous.start.attempt}`;
    found.push({ invariant: 'I4', shard: view.shard, message, excerpt: [previous.start, start] });
  }
  return found;
}

const present = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value]);
