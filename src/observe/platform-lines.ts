/** Lambda's own lines around an invocation (esm-semantics.md §2.14), as `millrace invoke` prints them and `systemLogLevel: INFO` logs them. */

export interface InvocationFacts {
  readonly requestId: string;
  readonly memorySizeMb: number;
  readonly report: {
    readonly durationMs: number;
    readonly initDurationMs?: number;
    readonly maxMemoryUsedMb: number;
    readonly droppedLogLines?: number;
  };
  /** Absent when it succeeded. */
  readonly failure?: { readonly timeout: boolean; readonly errorType: string };
}

export function startLine(requestId: string, version: string): string {
  return `START RequestId: ${requestId} Version: ${version}`;
}

export function endLine(requestId: string): string {
  return `END RequestId: ${requestId}`;
}

/** What Lambda's runtime writes into the log of an invocation whose handler failed. */
export function errorLine(
  requestId: string,
  time: string,
  error: { readonly errorType: string; readonly errorMessage: string; readonly trace: readonly string[] },
): string {
  const { errorType, errorMessage, trace } = error;
  return `${time}\t${requestId}\tERROR\tInvoke Error \t${JSON.stringify({ errorType, errorMessage, stack: trace })}`;
}

/** Nobody bills; tools that read these lines look for the field. Dropped lines are ours. */
export function reportLine({ requestId, memorySizeMb, report, failure }: InvocationFacts): string {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${report.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(report.durationMs)} ms`,
    `Memory Size: ${memorySizeMb} MB`,
    `Max Memory Used: ${report.maxMemoryUsedMb} MB`,
  ];
  if (report.initDurationMs !== undefined) fields.push(`Init Duration: ${report.initDurationMs.toFixed(2)} ms`);
  if (report.droppedLogLines !== undefined) fields.push(`Dropped Log Lines: ${report.droppedLogLines}`);
  if (failure !== undefined)
    fields.push(`Status: ${failure.timeout ? 'timeout' : 'error'}`, `Error Type: ${failure.errorType}`);
  return fields.join('\t');
}
