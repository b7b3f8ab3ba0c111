/** I2 and I4 where a shard has lanes: the order is that of each partition key, and a fault repeats at most a batch of each lane. */
import { checkOrder } from './check-order.ts';
import { findRepeats } from './check-repeats.ts';
import type { Attempt, Fault, ShardView, Violation } from './shard-view.ts';

export interface LaneOptions {
  readonly factor: number;
  readonly batchSize: number;
  /** Of a record, whether or not the source acknowledged it. */
  readonly keyOf: (shard: string, position: string) => string;
}

/** The checker knows no hash: what is promised is the order of each key. */
export function checkLanes(view: ShardView, options: LaneOptions): Violation[] {
  const keyOf = (position: string) => options.keyOf(view.shard, position);
  const keys = new Set(view.known.map(keyOf));
  const order = [...keys].flatMap((key) => checkOrder(ofKey(view, (position) => keyOf(position) === key)));
  return [...order, ...checkAtOnce(view, options), ...checkBatchPerLane(view, options)];
}

/** The shard as if it held the records of one key only. */
function ofKey(view: ShardView, isOf: (position: string) => boolean): ShardView {
  const attempts = view.attempts.flatMap((attempt): Attempt[] => {
    const positions = attempt.start.positions.filter(isOf);
    return positions.length === 0 ? [] : [{ ...attempt, start: { ...attempt.start, positions } }];
  });
  return { ...view, accepted: view.accepted.filter(isOf), known: view.known.filter(isOf), attempts };
}

/** No more attempts of one epoch are open than there are lanes. */
function checkAtOnce(view: ShardView, { factor }: LaneOptions): Violation[] {
  const found: Violation[] = [];
  const open = new Map<string, Set<string>>();
  for (const line of view.lines) {
    if (line.kind !== 'start' && line.kind !== 'success' && line.kind !== 'failure') continue;
    const running = open.get(line.epoch) ?? new Set<string>();
    open.set(line.epoch, running);
    // The last word may come in two parts; the first is as good as both.
    if (line.kind === 'start') running.add(line.requestId);
    else running.delete(line.requestId);
    if (running.size <= factor) continue;
    const message = `${running.size} attempts at once, with ${factor} lanes`;
    found.push({ invariant: 'I2', shard: view.shard, message, excerpt: [line] });
  }
  return found;
}

/** What had succeeded and runs again because of one fault: what was in flight, and nothing that was settled. */
function checkBatchPerLane(view: ShardView, options: LaneOptions): Violation[] {
  const again = new Map<Fault, Set<string>>();
  const excerpts = new Map<Fault, Attempt>();
  for (const { position, previous, again: attempt, fault } of findRepeats(view, {})) {
    if (fault === null || previous.outcome.get(position)?.kind !== 'success') continue;
    again.set(fault, (again.get(fault) ?? new Set()).add(position));
    excerpts.set(fault, attempt);
  }
  return [...again].flatMap(([fault, positions]): Violation[] => {
    const most = options.factor * options.batchSize;
    if (positions.size <= most) return [];
    const message = `${positions.size} records that had succeeded ran again after one fault, and ${most} were in flight at most`;
    return [{ invariant: 'I4', shard: view.shard, message, excerpt: [fault.begin, excerpts.get(fault)!.start] }];
  });
}
