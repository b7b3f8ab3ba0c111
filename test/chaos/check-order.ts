/** I2 order and I3 single writer. */
import { comparePositions, type HistoryLine } from '../support/history.ts';
import { lowerBound, type ShardView, upperBound, type Violation } from './shard-view.ts';

/**
 * A unit starts only when every earlier accepted position is terminal, has no hole, and never lies before a unit that started earlier
 * (retries, halves and suffixes all begin at or after the unit they come from). Refused starts do not count.
 */
export function checkOrder(view: ShardView): Violation[] {
  const found: Violation[] = [];
  let floor: { position: string; line: HistoryLine } | null = null;
  // Everything before this index was terminal at an earlier start, and stays so.
  let settled = 0;
  for (const { start } of view.attempts) {
    const positions = [...start.positions].sort(comparePositions);
    const first = positions[0]!;
    const from = lowerBound(view.known, first);
    const lost = view.faults.some(({ begin }) => begin.lossy === true && begin.tMono <= start.tMono);
    if (floor && !lost && comparePositions(first, floor.position) < 0) {
      const message = `${first} started after the later ${floor.position} had started`;
      found.push({ invariant: 'I2', shard: view.shard, message, excerpt: [floor.line, start] });
    }
    if (!floor || comparePositions(first, floor.position) > 0) floor = { position: first, line: start };
    const own = new Set(positions);
    const end = upperBound(view.known, positions.at(-1)!);
    for (let index = settled; index < end; index++) {
      const position = view.known[index]!;
      const terminal = view.terminal.get(position);
      if (own.has(position) || (terminal && terminal.at <= start.tMono)) continue;
      const excerpt = [...lastWords(view, position, start.tMono), start, ...(terminal ? [terminal.line] : [])];
      const message = `${index < from ? first : positions.at(-1)!} started before ${position} was settled`;
      found.push({ invariant: 'I2', shard: view.shard, message, excerpt });
      break;
    }
    while (settled < from && (view.terminal.get(view.known[settled]!)?.at ?? Infinity) <= start.tMono) settled++;
  }
  return found;
}

/** The last line before `t` that names the position: what it was waiting for. */
function lastWords(view: ShardView, position: string, t: number): HistoryLine[] {
  const line = view.lines.findLast((l) => l.tMono < t && 'positions' in l && l.positions.includes(position));
  return line ? [line] : [];
}

/** Epochs of what took effect never fall. (What carries an old epoch must have been refused; refused lines are not looked at.) */
export function checkSingleWriter(view: ShardView): Violation[] {
  const found: Violation[] = [];
  let newest: { epoch: bigint; line: HistoryLine } | null = null;
  for (const line of view.lines) {
    if (line.kind !== 'start' && line.kind !== 'effect' && line.kind !== 'success' && line.kind !== 'failure') continue;
    const epoch = BigInt(line.epoch);
    if (newest && epoch < newest.epoch) {
      const message = `${line.kind} under epoch ${epoch} after one under epoch ${newest.epoch}`;
      found.push({ invariant: 'I3', shard: view.shard, message, excerpt: [newest.line, line] });
    } else if (!newest || epoch > newest.epoch) newest = { epoch, line };
  }
  return found;
}
