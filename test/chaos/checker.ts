/**
 * The checker of faults.md 5.1: a pure function from a history and the durable end state to the invariants they violate.
 * It believes the recorder and the producer, never what Millrace says of itself, except where the two are compared.
 */
import { type EndState, withEndState } from '../support/end-state.ts';
import type { HistoryLine } from '../support/history.ts';
import { checkExpiry, type ExpiryOptions } from './check-expiry.ts';
import { checkRedelivered, endOfGenerations, isOver, splitGenerations } from './generations.ts';
import { checkIsolation, checkLiveness, type IsolationOptions, type LivenessOptions } from './check-liveness.ts';
import { checkLanes, type LaneOptions } from './check-lanes.ts';
import { checkLoss } from './check-loss.ts';
import { checkOrder, checkSingleWriter } from './check-order.ts';
import { checkAcks, checkCheckpoint } from './check-positions.ts';
import { checkResources, checkShutdown, type ShutdownOptions } from './check-processes.ts';
import { checkRepeats, findRepeats, type RepeatOptions } from './check-repeats.ts';
import { checkSkips } from './check-skips.ts';
import { withoutSourceLosses } from './source-losses.ts';
import { collectFaults, type Violation, viewShards } from './shard-view.ts';

export interface CheckOptions extends RepeatOptions {
  readonly liveness: LivenessOptions;
  /** The mapping has a parallelizationFactor above 1. */
  readonly lanes?: LaneOptions;
  readonly expiry?: ExpiryOptions;
  readonly isolation?: IsolationOptions;
  readonly shutdown?: ShutdownOptions;
}

export interface CheckResult {
  readonly violations: readonly Violation[];
  /** What the run reached, for tests that must prove that a branch was taken at all. */
  readonly reached: {
    readonly records: number;
    readonly attempts: number;
    readonly repeats: number;
    readonly refused: number;
    readonly faults: number;
    readonly notices: number;
  };
}

export function checkHistory(history: readonly HistoryLine[], end: EndState, options: CheckOptions): CheckResult {
  const whole = withoutSourceLosses(withEndState(history, end));
  const lines = splitGenerations(whole);
  const views = viewShards(lines);
  const last = endOfGenerations(whole, end);
  const perShard = views.flatMap((view) => [
    ...checkLoss(view, last),
    ...(options.lanes ? checkLanes(view, options.lanes) : checkOrder(view)),
    ...checkSingleWriter(view),
    ...checkRepeats(view, options),
    ...checkCheckpoint(view),
    ...checkAcks(view),
    ...(options.expiry ? checkExpiry(view, options.expiry) : []),
  ]);
  const sum = (count: (view: (typeof views)[number]) => number): number =>
    views.reduce((n, view) => n + count(view), 0);
  return {
    violations: [
      ...perShard,
      ...checkRedelivered(whole, end),
      ...checkSkips(whole),
      ...checkLiveness(
        views.filter((view) => !isOver(view)),
        end,
        options.liveness,
      ),
      ...(options.isolation ? checkIsolation(views, options.isolation) : []),
      ...checkResources(lines),
      ...(options.shutdown ? checkShutdown(lines, views, options.shutdown, options.silentFailures ?? false) : []),
    ],
    reached: {
      records: sum((view) => view.accepted.length),
      attempts: sum((view) => view.attempts.length),
      repeats: sum((view) => findRepeats(view, options).length),
      refused: lines.filter((line) => line.kind === 'refused').length,
      faults: collectFaults(lines).length,
      notices: sum((view) => view.notices.length),
    },
  };
}

/** For a failing test: each violation with its lines, short enough to read. */
export function describeViolations(violations: readonly Violation[], most = 5): string {
  const shown = violations.slice(0, most).map(({ invariant, shard, message, excerpt }) => {
    const lines = excerpt.map((line) => `    ${JSON.stringify(line).slice(0, 400)}`);
    return [`${invariant} ${shard ?? ''}: ${message}`, ...lines].join('\n');
  });
  const more = violations.length > most ? [`… and ${violations.length - most} more`] : [];
  return [...shown, ...more].join('\n');
}
