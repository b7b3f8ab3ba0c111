/** From how a job ended to what the executor is told (esm-semantics.md §2.11, §2.13). Pure. */
import { CHILD_BASE_MB, ERROR_TEXT_BYTES_MAX, MEMORY_NEARLY_USED } from '../limits.ts';
import type { JobEnd, KillReason } from './child-process.ts';
import { cutBytes, scrub } from './scrub.ts';
import type { FunctionErrorPayload, InvocationReport, InvokeOutcome } from './types.ts';

const TRACE_LINES_MAX = 32;
const EXIT_ERROR = 'Runtime.ExitError';
const UNREADABLE: FunctionErrorPayload = {
  errorType: 'Runtime.Unknown',
  errorMessage: 'the function failed with an error that cannot be read',
  trace: [],
};

/** V8 ends its process with a trap or abort when it runs out of memory; what it printed says so. */
const MEMORY_DEATH = /out of memory|heap limit|Allocation failed|OOM|memory limit/i;

export interface EndOfInvocation {
  readonly end: JobEnd;
  readonly killedFor: KillReason;
  readonly requestId: string;
  readonly timeoutMs: number;
  readonly memorySizeMb: number;
  readonly secrets: readonly string[];
  readonly report: InvocationReport;
  /** Maps one line of a stack to the user's source; null leaves the line out. */
  readonly mapFrame: (line: string) => string | null;
}

export function outcomeOf(what: EndOfInvocation): InvokeOutcome {
  const { end, killedFor, report } = what;
  const failed = (
    metric: 'error' | 'timeout' | 'out_of_memory' | 'killed',
    error: FunctionErrorPayload,
  ): InvokeOutcome => ({ kind: 'function-error', metric, error, report });
  const ranOut = (): InvokeOutcome => {
    // As in Lambda's REPORT: what it was given, at least. Its process may be gone before its memory was looked at.
    const maxMemoryUsedMb = Math.max(report.maxMemoryUsedMb, what.memorySizeMb);
    const error = outOfMemory(what, maxMemoryUsedMb);
    return { kind: 'function-error', metric: 'out_of_memory', error, report: { ...report, maxMemoryUsedMb } };
  };
  switch (end.kind) {
    case 'result':
      return { kind: 'ok', result: end.text, report };
    case 'failure': {
      const error = readError(end.text, what);
      // process.exit: the child says it of itself, before it goes.
      return failed(end.fatal && error.errorType === EXIT_ERROR ? 'killed' : 'error', error);
    }
    case 'out-of-memory':
      return ranOut();
    case 'prepared':
    case 'initialised':
    case 'compiled':
      return { kind: 'infrastructure', reason: 'the child answered an invocation with something else' };
    case 'lost':
      if (killedFor === 'timeout') return failed('timeout', timedOut(what));
      if (killedFor === 'memory') return ranOut();
      if (killedFor === 'closing') return { kind: 'infrastructure', reason: 'the sandbox is closing' };
      if (killedFor === 'protocol')
        return failed('killed', exitError(what, 'the function broke out of its protocol and was ended'));
      if (!end.delivered) return { kind: 'infrastructure', reason: 'the child was lost before it took the event' };
      if (MEMORY_DEATH.test(end.stderr) || killedBySystem(end.signal, what)) return ranOut();
      return failed('killed', exitError(what, exitReason(end)));
  }
}

function timedOut(what: { readonly requestId: string; readonly timeoutMs: number }): FunctionErrorPayload {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${what.requestId} Error: Task timed out after ${(what.timeoutMs / 1000).toFixed(2)} seconds`,
    trace: [],
  };
}

/** Somebody else's SIGKILL, at a process that had used nearly all it was promised: the system, which had no memory left. */
function killedBySystem(signal: NodeJS.Signals | null, what: EndOfInvocation): boolean {
  const promisedMb = what.memorySizeMb + CHILD_BASE_MB;
  return signal === 'SIGKILL' && what.report.maxMemoryUsedMb >= MEMORY_NEARLY_USED * promisedMb;
}

function outOfMemory(what: EndOfInvocation, used: number): FunctionErrorPayload {
  return {
    errorType: 'Runtime.OutOfMemory',
    errorMessage: `RequestId: ${what.requestId} Error: Runtime exited: the function used up its memory (${used} MB used, memorySize is ${what.memorySizeMb} MB)`,
    trace: [],
  };
}

function exitError(what: EndOfInvocation, reason: string): FunctionErrorPayload {
  return { errorType: EXIT_ERROR, errorMessage: `RequestId: ${what.requestId} Error: ${reason}`, trace: [] };
}

const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGABRT: 'aborted',
  SIGTRAP: 'trace/breakpoint trap',
  SIGILL: 'illegal instruction',
  SIGTERM: 'terminated',
};

function exitReason(end: { readonly code: number | null; readonly signal: NodeJS.Signals | null }): string {
  if (end.signal !== null) return `Runtime exited with error: signal: ${SIGNAL_WORDS[end.signal] ?? end.signal}`;
  return end.code === 0 || end.code === null
    ? 'Runtime exited without providing a reason'
    : `Runtime exited with error: exit status ${end.code}`;
}

/** The payload was made inside the isolate by our own script, but it came from the child: nothing about it is taken on trust. */
export function readError(text: string, what: Pick<EndOfInvocation, 'secrets' | 'mapFrame'>): FunctionErrorPayload {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
  if (typeof value !== 'object' || value === null) return UNREADABLE;
  const { errorType, errorMessage, trace } = value as Record<string, unknown>;
  if (typeof errorType !== 'string' || typeof errorMessage !== 'string' || !Array.isArray(trace)) return UNREADABLE;
  const clean = (from: string, max: number): string => cutBytes(scrub(from, what.secrets), max);
  const lines: string[] = [];
  let left = ERROR_TEXT_BYTES_MAX;
  for (const line of trace.slice(0, TRACE_LINES_MAX) as unknown[]) {
    if (typeof line !== 'string') return UNREADABLE;
    const mapped = what.mapFrame(line);
    if (mapped === null) continue;
    const kept = clean(mapped, left);
    left -= Buffer.byteLength(kept);
    lines.push(kept);
    if (left <= 0) break;
  }
  return { errorType: clean(errorType, 256), errorMessage: clean(errorMessage, ERROR_TEXT_BYTES_MAX), trace: lines };
}
