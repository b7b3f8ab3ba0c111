/** Lambda's own lines around an invocation (esm-semantics.md §2.14), as `millrace invoke` prints them and `systemLogLevel: INFO` logs them. */

export interface InvocationFacts {
  readonly requestId: string;
  /** Hash of the function's version, or the beginning of it. */
  readonly version: string;
  readonly memorySizeMb: number;
  readonly timeoutMs: number;
}

interface Report {
  readonly durationMs: number;
  readonly initDurationMs?: number;
  readonly maxMemoryUsedMb: number;
  readonly droppedLogLines?: number;
}

/** What the lines need of how an invocation ended. */
export type Ended =
  | { readonly kind: 'infrastructure' }
  | { readonly kind: 'ok'; readonly report: Report }
  | {
      readonly kind: 'function-error';
      readonly metric: string;
      readonly error: { readonly errorType: string };
      readonly report: Report;
    };

/** INIT_START and START when they happen, the rest at the end. */
export class PlatformLines {
  readonly #facts: InvocationFacts;
  readonly #write: (line: string) => void;
  #initialising = false;
  #started = false;

  constructor(facts: InvocationFacts, write: (line: string) => void) {
    this.#facts = facts;
    this.#write = write;
  }

  /** A child that is lost before it takes the event makes way for another one: either comes once. */
  phase(phase: 'init' | 'invoke'): void {
    if (phase === 'invoke') this.#start();
    else if (!this.#initialising) {
      this.#initialising = true;
      const [major, minor] = process.versions.node.split('.');
      this.#write(
        `INIT_START Runtime Version: nodejs:${major}.v${minor}\tRuntime Version ARN: arn:millrace:lambda:::runtime:nodejs${major}`,
      );
    }
  }

  end(ended: Ended, nowMs: number): void {
    const { requestId, timeoutMs } = this.#facts;
    // What did not come to run is not reported, and neither is what the function did not cause.
    if (ended.kind === 'infrastructure') {
      if (this.#started) this.#write(`END RequestId: ${requestId}`);
      return;
    }
    // An error of loading: Lambda says so within the invocation that met it.
    this.#start();
    if (isTimeout(ended)) {
      const at = new Date(nowMs).toISOString();
      this.#write(`${at} ${requestId} Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`);
    }
    this.#write(`END RequestId: ${requestId}`);
    this.#write(reportLine(this.#facts, ended));
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#write(`START RequestId: ${this.#facts.requestId} Version: ${this.#facts.version.slice(0, 12)}`);
  }
}

function isTimeout(ended: Ended): boolean {
  return ended.kind === 'function-error' && ended.metric === 'timeout';
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
function reportLine(facts: InvocationFacts, ended: Exclude<Ended, { kind: 'infrastructure' }>): string {
  const { report } = ended;
  const fields = [
    `REPORT RequestId: ${facts.requestId}`,
    `Duration: ${report.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(report.durationMs)} ms`,
    `Memory Size: ${facts.memorySizeMb} MB`,
    `Max Memory Used: ${report.maxMemoryUsedMb} MB`,
  ];
  if (report.initDurationMs !== undefined) fields.push(`Init Duration: ${report.initDurationMs.toFixed(2)} ms`);
  if (report.droppedLogLines !== undefined) fields.push(`Dropped Log Lines: ${report.droppedLogLines}`);
  if (ended.kind === 'function-error')
    fields.push(`Status: ${isTimeout(ended) ? 'timeout' : 'error'}`, `Error Type: ${ended.error.errorType}`);
  return fields.join('\t');
}
