/** I8 liveness and I9 isolation. */
import type { EndState } from '../support/end-state.ts';
import { comparePositions, type HistoryLine } from '../support/history.ts';
import { positionOf } from '../support/end-state.ts';
import type { ShardView, Violation } from './shard-view.ts';

export interface LivenessOptions {
  /** How long a lease lives: every shard moves within twice that after the last fault healed. */
  readonly leaseMs: number;
  /** Records per second without faults; when given, the backlog must drain at 80 % of it after the last fault. */
  readonly faultFreeRate?: number;
}

export interface IsolationOptions {
  /** Shards whose handler fails, hangs or is hostile. */
  readonly troubled: readonly string[];
  /** p99 of accepted → start of the healthy shards, measured without the troubled ones. */
  readonly baselineP99Ms: number;
}

const DRAIN_RATIO_MIN = 0.8;
const SLOWDOWN_MAX = 1.1;
/** Below this many records a rate is noise. */
const RATE_RECORDS_MIN = 500;

export function checkLiveness(views: readonly ShardView[], end: EndState, options: LivenessOptions): Violation[] {
  const found: Violation[] = [];
  if (end.failedJobs > 0) {
    const message = `${end.failedJobs} jobs of BullMQ failed for good`;
    found.push({ invariant: 'I8', shard: null, message, excerpt: [] });
  }
  const faults = views.flatMap((view) => view.faults);
  const healed = Math.max(0, ...faults.map((fault) => fault.end).filter(Number.isFinite));
  for (const view of views) {
    if (end.drained) found.push(...checkDrained(view, end));
    if (faults.length > 0) found.push(...checkMoves(view, healed, 2 * options.leaseMs));
  }
  if (faults.length > 0 && options.faultFreeRate !== undefined) {
    found.push(...checkDrainRate(views, healed, options.faultFreeRate));
  }
  return found;
}

/** Nothing is left: the checkpoint is at the last accepted record, no unit is pending. */
function checkDrained(view: ShardView, end: EndState): Violation[] {
  const last = view.accepted.at(-1);
  const shard = end.shards.find((candidate) => candidate.shard === view.shard);
  if (last === undefined) return [];
  const stuck = (message: string): Violation => {
    const word = view.lines.findLast((line) => line.kind !== 'checkpoint' && line.kind !== 'ack');
    return { invariant: 'I8', shard: view.shard, message, excerpt: word ? [word] : [] };
  };
  if (!shard?.checkpoint) return [stuck('the shard has no checkpoint at the end')];
  const checkpoint = positionOf(shard.checkpoint);
  if (comparePositions(checkpoint, last) < 0)
    return [stuck(`the checkpoint is at ${checkpoint}, the last record at ${last}`)];
  return shard.unitsPending > 0 ? [stuck(`${shard.unitsPending} units are pending at the end`)] : [];
}

/** A shard with work moves in time after the last fault; one that waits out a back-off of its own is excused. */
function checkMoves(view: ShardView, healed: number, withinMs: number): Violation[] {
  const open = view.acceptedLines.some(
    (line) =>
      line.tMono <= healed && line.positions.some((position) => (view.terminal.get(position)?.at ?? Infinity) > healed),
  );
  if (!open) return [];
  const words = view.lines.filter(
    (line) => line.kind === 'start' || line.kind === 'success' || line.kind === 'failure',
  );
  if (words.findLast((line) => line.tMono <= healed)?.kind === 'failure') return [];
  const next = view.lines.find((line) => isMove(line) && line.tMono > healed);
  if (next && next.tMono <= healed + withinMs) return [];
  const after = next ? `after ${Math.round(next.tMono - healed)} ms` : 'not at all';
  const message = `the shard moved ${after} once the last fault was healed`;
  return [{ invariant: 'I8', shard: view.shard, message, excerpt: next ? [next] : [] }];
}

/** A gap that is reported is one, too: the checkpoint goes on behind it. */
const MOVES: ReadonlySet<HistoryLine['kind']> = new Set(['start', 'success', 'failure', 'notice', 'gap']);
const isMove = (line: HistoryLine): boolean => MOVES.has(line.kind);

function checkDrainRate(views: readonly ShardView[], healed: number, faultFreeRate: number): Violation[] {
  const times = views
    .flatMap((view) => [...view.terminal.values()].map((terminal) => terminal.at))
    .filter((at) => at > healed)
    .sort((a, b) => a - b);
  if (times.length < RATE_RECORDS_MIN) return [];
  const rate = (times.length / (times.at(-1)! - times[0]!)) * 1000;
  if (rate >= DRAIN_RATIO_MIN * faultFreeRate) return [];
  const message = `the backlog drained at ${Math.round(rate)} records/s, without faults it is ${Math.round(faultFreeRate)}`;
  return [{ invariant: 'I8', shard: null, message, excerpt: [] }];
}

export function checkIsolation(
  views: readonly ShardView[],
  { troubled, baselineP99Ms }: IsolationOptions,
): Violation[] {
  const healthy = views.filter((view) => !troubled.includes(view.shard));
  const latencies = healthy.flatMap(latenciesOf).sort((a, b) => a - b);
  if (latencies.length === 0) return [];
  const p99 = percentile(latencies, 0.99);
  if (p99 <= baselineP99Ms * SLOWDOWN_MAX) return [];
  const message = `p99 of healthy shards is ${p99.toFixed(1)} ms, ${baselineP99Ms.toFixed(1)} ms without the troubled ones`;
  return [{ invariant: 'I9', shard: null, message, excerpt: [] }];
}

/** accepted → first start, per record, ms. */
export function latenciesOf(view: ShardView): number[] {
  const first = new Map<string, number>();
  for (const { start } of view.attempts) {
    for (const position of start.positions) if (!first.has(position)) first.set(position, start.tMono);
  }
  return view.acceptedLines.flatMap((line) =>
    line.positions.flatMap((position) => {
      const at = first.get(position);
      return at === undefined ? [] : [Math.max(0, at - line.tMono)];
    }),
  );
}

/** Of a sorted list. */
export function percentile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * fraction) - 1)] ?? 0;
}
