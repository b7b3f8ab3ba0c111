/** How long it took until a shard whose worker was killed was at work again. */
import { LOCK_MS } from '../../../src/limits.ts';
import { percentile } from '../check-liveness.ts';
import type { HistoryLine } from '../../support/history.ts';
import { CLOCK_SLACK_MS, type ShardView, viewShards } from '../shard-view.ts';

/** A look at the shards may be late by so much. */
const LATE_MS = 250;

export interface Takeovers {
  /** Milliseconds from the kill until another worker took the shard, ascending. */
  readonly times: readonly number[];
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** 99 of 100 were at work in the handler again after so long; with it a cold sandbox on what the machine has left. */
  readonly workP99: number;
}

/** One per kill and shard that it hit and that had unsettled records. `history`: with the shards that each fault hit. */
export function takeoversOf(history: readonly HistoryLine[]): Takeovers {
  const kills = history.flatMap((line) => (line.kind === 'fault' && line.phase === 'begin' ? [line.tMono] : []));
  const taken = viewShards(history).flatMap((view) => takeoversOfShard(view, kills));
  const times = taken.map(({ taken }) => taken).sort((a, b) => a - b);
  const work = taken.map(({ started }) => started).sort((a, b) => a - b);
  const at = (fraction: number): number => Math.round(percentile(times, fraction));
  return { times, p50: at(0.5), p99: at(0.99), max: at(1), workP99: Math.round(percentile(work, 0.99)) };
}

/** The moment from which it counts: that of the kill, or of a later one that hit the successor before it had taken the shard. */
function countsFrom(killed: number, taken: number, kills: readonly number[]): number {
  // The successor has the turn's job at the earliest when the lock of the first has ended, and its own lock has to end as well: two take-overs, one after the other.
  const again = kills.findLast((at) => at >= killed + LOCK_MS && at <= taken - LOCK_MS);
  return again ?? killed;
}

function takeoversOfShard(view: ShardView, allKills: readonly number[]): { taken: number; started: number }[] {
  const kills = view.faults.filter(({ begin }) => begin.shards !== '*').map(({ begin }) => begin.tMono);
  return kills.flatMap((killed) => {
    const pending = view.acceptedLines.some(
      ({ tMono, positions }) =>
        tMono <= killed && positions.some((p) => (view.terminal.get(p)?.at ?? Infinity) > killed + CLOCK_SLACK_MS),
    );
    // A lease that was seen late belongs to the one that was killed; nobody can have taken over before its lock ended.
    const lease = view.lines.find((line) => line.kind === 'lease' && line.tMono > killed + LATE_MS);
    const start = view.attempts.find((attempt) => attempt.start.tMono > killed + LATE_MS)?.start;
    if (!pending || !lease || !start) return [];
    const from = countsFrom(killed, lease.tMono, allKills);
    return [{ taken: lease.tMono - from, started: start.tMono - from }];
  });
}
