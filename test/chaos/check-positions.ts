/** I5 checkpoint and I6 what the source is told: monotone, and never past the first unsettled record. */
import { comparePositions, type PositionLine } from '../support/history.ts';
import { type ShardView, upperBound, type Violation } from './shard-view.ts';

export function checkCheckpoint(view: ShardView): Violation[] {
  const lines = view.lines.filter((line): line is PositionLine => line.kind === 'checkpoint');
  return [...checkMonotone(view, lines), ...checkNotPast(view, lines, 'I5')];
}

export function checkAcks(view: ShardView): Violation[] {
  const lines = view.lines.filter((line): line is PositionLine => line.kind === 'ack');
  return [...checkNotPast(view, lines, 'I6'), ...checkAcksAfterCheckpoint(view)];
}

function checkMonotone(view: ShardView, lines: readonly PositionLine[]): Violation[] {
  const found: Violation[] = [];
  let highest: PositionLine | null = null;
  for (const line of lines) {
    const lossy = view.faults.some(({ begin }) => begin.lossy === true && begin.tMono <= line.tMono);
    const newGeneration = highest !== null && (line.generation ?? 0) > (highest.generation ?? 0);
    if (highest && !lossy && !newGeneration && comparePositions(line.position, highest.position) < 0) {
      const message = `the checkpoint went back from ${highest.position} to ${line.position}`;
      found.push({ invariant: 'I5', shard: view.shard, message, excerpt: [highest, line] });
    } else highest = line;
  }
  return found;
}

/** At each look, every accepted position up to the one seen was terminal by then. One pass: `low` is the first that may not be. */
function checkNotPast(view: ShardView, lines: readonly PositionLine[], invariant: 'I5' | 'I6'): Violation[] {
  const found: Violation[] = [];
  let low = 0;
  for (const line of lines) {
    const until = upperBound(view.known, line.position);
    while (low < until && (view.terminal.get(view.known[low]!)?.at ?? Infinity) <= line.tMono) low++;
    if (low >= until) continue;
    const position = view.known[low]!;
    const terminal = view.terminal.get(position);
    const name = line.kind === 'checkpoint' ? 'the checkpoint' : `what the source was told (${line.what ?? 'ack'})`;
    const before = view.lines.findLast(
      (l) => l.tMono <= line.tMono && 'positions' in l && l.positions.includes(position),
    );
    const excerpt = [...(before ? [before] : []), line, ...(terminal ? [terminal.line] : [])];
    const message = `${name} was at ${line.position} while ${position} was not settled`;
    found.push({ invariant, shard: view.shard, message, excerpt });
  }
  return found;
}

/** The checkpoint only rises, so one seen later than an ack and below it proves that the ack came first. */
function checkAcksAfterCheckpoint(view: ShardView): Violation[] {
  const found: Violation[] = [];
  let ack: { readonly line: PositionLine; readonly upTo: string } | null = null;
  for (const line of view.lines) {
    if (line.kind === 'ack') {
      const upTo = lastRecordOf(view, line);
      if (upTo !== undefined && (!ack || comparePositions(upTo, ack.upTo) > 0)) ack = { line, upTo };
    }
    if (line.kind !== 'checkpoint' || !ack || comparePositions(line.position, ack.upTo) >= 0) continue;
    if (view.faults.some(({ begin }) => begin.lossy === true && begin.tMono <= line.tMono)) continue;
    const message = `the source was told ${ack.line.position} before the checkpoint was there (${line.position})`;
    found.push({ invariant: 'I6', shard: view.shard, message, excerpt: [ack.line, line] });
  }
  return found;
}

/** Of a trim the place right before the first entry is seen: where everything settled is gone, it lies between two records. */
function lastRecordOf({ known }: ShardView, { what, position }: PositionLine): string | undefined {
  return what === 'trim' ? known[upperBound(known, position) - 1] : position;
}
