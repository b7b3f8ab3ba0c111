/** What must be true of every hostile invocation, whatever it does. Answers complaints; none is good. */
import {
  CHILD_OVERHEAD_MB,
  ERROR_TEXT_BYTES_MAX,
  LOG_BYTES_MAX,
  LOG_LINE_BYTES_MAX,
  LOG_LINES_MAX,
} from '../../src/limits.ts';
import type { InvokeOutcome } from '../../src/sandbox/types.ts';
import { leakIn, OUR_FRAMES } from './canaries.ts';
import type { HostileCase, Word } from './case.ts';

/** How far a child may overshoot its cap between two looks at its memory, 50 ms apart (limits.ts), on a machine that is busy. */
const OVERSHOOT_MB = 256;
/** An attempt ends at most so long after its timeout, by the daemon's clock; what the daemon's own loop was late comes on top. */
const ENDS_WITHIN_MS = 500;

export interface Happened {
  readonly outcome: InvokeOutcome;
  readonly logs: readonly string[];
  /** How late the loop was meanwhile. */
  readonly lateMs: number;
  readonly timeoutMs: number;
  readonly memorySizeMb: number;
}

export function wordOf(outcome: InvokeOutcome): Word {
  if (outcome.kind === 'ok') return 'OK';
  if (outcome.kind === 'infrastructure') return `FAIL infrastructure: ${outcome.reason}`;
  if (outcome.metric === 'out_of_memory') return 'FAIL memory';
  return outcome.metric === 'error' ? `FAIL ${outcome.error.errorType}` : `FAIL ${outcome.metric}`;
}

/** The case's own expectations. */
export function asExpected(one: HostileCase, { outcome, logs }: Happened): string[] {
  const complaints: string[] = [];
  const word = wordOf(outcome);
  if (!one.expected.includes(word))
    complaints.push(`${word}, expected ${one.expected.join(' or ')}: ${shown(outcome)}`);
  else if (outcome.kind === 'ok' && one.result !== undefined && outcome.result !== one.result)
    complaints.push(`result ${outcome.result.slice(0, 300)}, expected ${one.result}`);
  if (one.message !== undefined && outcome.kind === 'function-error' && !one.message.test(outcome.error.errorMessage))
    complaints.push(`message ${outcome.error.errorMessage.slice(0, 300)}, expected ${one.message.source}`);
  const { lines, droppedMin, each } = one.logs ?? {};
  if (lines !== undefined && logs.length !== lines) complaints.push(`${logs.length} log lines, expected ${lines}`);
  const dropped = (outcome.kind === 'infrastructure' ? undefined : outcome.report.droppedLogLines) ?? 0;
  if (droppedMin !== undefined && dropped < droppedMin)
    complaints.push(`${dropped} lines dropped, expected ${droppedMin}`);
  const odd = each === undefined ? undefined : logs.find((line) => !each.test(line));
  if (odd !== undefined) complaints.push(`log line ${odd.slice(0, 200)}`);
  return complaints;
}

/** The bounds that hold for all: time, memory, sizes, and that nothing of the host or of others comes out. */
export function withinBounds({ outcome, logs, lateMs, timeoutMs, memorySizeMb }: Happened): string[] {
  if (outcome.kind === 'infrastructure') return [`infrastructure: ${outcome.reason}`];
  const complaints: string[] = [];
  const { durationMs, maxMemoryUsedMb, initDurationMs } = outcome.report;
  const inLoading = initDurationMs === durationMs;
  if (!inLoading && durationMs > timeoutMs + ENDS_WITHIN_MS + lateMs)
    complaints.push(`took ${Math.round(durationMs)} ms, timeout ${timeoutMs} (loop late ${Math.round(lateMs)} ms)`);
  if (maxMemoryUsedMb > memorySizeMb + CHILD_OVERHEAD_MB + OVERSHOOT_MB)
    complaints.push(`held ${maxMemoryUsedMb} MB, memorySize ${memorySizeMb}`);
  if (outcome.kind === 'function-error') {
    const { errorType, errorMessage, trace } = outcome.error;
    const bytes = Buffer.byteLength(errorMessage);
    if (bytes > ERROR_TEXT_BYTES_MAX || Buffer.byteLength(errorType) > 256)
      complaints.push(`error text of ${bytes} bytes`);
    if (Buffer.byteLength(trace.join('')) > ERROR_TEXT_BYTES_MAX) complaints.push('trace too large');
    if (OUR_FRAMES.test(trace.join('\n'))) complaints.push(`frames of ours: ${trace.join(' | ').slice(0, 300)}`);
  }
  const bytes = logs.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  if (logs.length > LOG_LINES_MAX || logs.some((line) => Buffer.byteLength(line) > LOG_LINE_BYTES_MAX))
    complaints.push(`${logs.length} log lines, or one that is too long`);
  // Characters are counted inside, bytes here: a line may be cut in the middle of one, and the last may go over.
  if (bytes > 4 * LOG_BYTES_MAX) complaints.push(`${bytes} bytes of log`);
  const leak = leakIn(`${JSON.stringify(outcome)}\n${logs.join('\n')}`);
  if (leak !== null) complaints.push(`shows ${leak}: ${shown(outcome)}`);
  return complaints;
}

function shown(outcome: InvokeOutcome): string {
  return JSON.stringify(outcome).slice(0, 600);
}
