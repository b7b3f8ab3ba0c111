/** I10 resources and I11 shutdown. */
import type { HistoryLine, ResourceLine } from '../support/history.ts';
import type { ShardView, Violation } from './shard-view.ts';

export interface ShutdownOptions {
  /** A daemon that was asked to stop has exited after at most this long. */
  readonly graceMs: number;
}

/** What was taken in the instant of the signal is no new take. */
const SIGNAL_SLACK_MS = 250;
const DRIFT_MAX = 0.05;

export function checkResources(history: readonly HistoryLine[]): Violation[] {
  const samples = history.filter((line): line is ResourceLine => line.kind === 'resource');
  const found: Violation[] = [];
  for (const drained of samples.filter((sample) => sample.phase === 'drained')) {
    const baseline = samples.findLast((s) => s.phase === 'baseline' && s.name === drained.name);
    if (!baseline || drained.value <= baseline.value * (1 + DRIFT_MAX)) continue;
    const message = `${drained.name} is ${drained.value} after the drain, ${baseline.value} before`;
    found.push({ invariant: 'I10', shard: null, message, excerpt: [baseline, drained] });
  }
  return found;
}

export function checkShutdown(
  history: readonly HistoryLine[],
  views: readonly ShardView[],
  { graceMs }: ShutdownOptions,
  silentFailures: boolean,
): Violation[] {
  const found: Violation[] = [];
  const report = (message: string, ...excerpt: HistoryLine[]): void => {
    found.push({ invariant: 'I11', shard: null, message, excerpt });
  };
  for (const term of history) {
    if (term.kind !== 'term') continue;
    const exit = history.find((line) => line.kind === 'exit' && line.pid === term.pid && line.tMono >= term.tMono);
    if (!exit) report(`process ${term.pid} did not end after SIGTERM`, term);
    else if (exit.tMono - term.tMono > graceMs) {
      report(`process ${term.pid} took ${Math.round(exit.tMono - term.tMono)} ms to end`, term, exit);
    } else if (exit.kind === 'exit' && exit.code !== 0)
      report(`process ${term.pid} ended with ${exit.code}`, term, exit);
    const until = exit?.tMono ?? Infinity;
    const leases = history.filter((l) => l.kind === 'lease' && l.pid === term.pid && l.tMono > term.tMono);
    const take = leases.find((l) => l.tMono <= until && takenWhileDraining(l, term, exit));
    if (take) report(`process ${term.pid} took a shard after SIGTERM`, term, take);
  }
  return silentFailures ? found : [...found, ...views.flatMap(checkNoneSpent)];
}

/**
 * An epoch is the moment of the take by Redis' clock (microseconds), and the daemon's log says when it began to drain, so what the machine
 * does between signal and daemon does not count. Without that line: the moment of the signal, and when the lease was seen.
 */
function takenWhileDraining(lease: HistoryLine, term: HistoryLine, exit: HistoryLine | undefined): boolean {
  if (exit?.kind === 'exit' && exit.drainingAt !== undefined && lease.kind === 'lease') {
    return Number(lease.epoch) / 1_000 > exit.drainingAt + SIGNAL_SLACK_MS;
  }
  return lease.tMono > term.tMono + SIGNAL_SLACK_MS;
}

/** No attempt is counted that the function did not fail: a notice's count is at most the failures its handler recorded. */
function checkNoneSpent(view: ShardView): Violation[] {
  const failed = new Map<string, number>();
  for (const { start, outcome } of view.attempts) {
    const word = [...outcome.values()].some((line) => line.kind === 'failure');
    if (word) failed.set(start.requestId, (failed.get(start.requestId) ?? 0) + 1);
  }
  const found: Violation[] = [];
  for (const notice of view.notices) {
    if (notice.condition !== 'RetryAttemptsExhausted') continue;
    const seen = failed.get(notice.requestId) ?? 0;
    if (notice.invokeCount <= seen) continue;
    const message = `${notice.requestId} was given up after ${notice.invokeCount} attempts, the function failed ${seen}`;
    const starts = view.attempts.filter(({ start }) => start.requestId === notice.requestId).map(({ start }) => start);
    found.push({ invariant: 'I11', shard: view.shard, message, excerpt: [...starts, notice] });
  }
  return found;
}
