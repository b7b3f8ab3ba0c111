/** The `context` argument: every member of esm-semantics.md §2.12, and `context.millrace`. */
import type { EventColumns } from './event.ts';
import { floor } from './primordials.ts';

export interface StaticContext {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly memorySizeMb: number;
  readonly logStreamName: string;
}

export interface InvocationHead {
  readonly requestId: string;
  /** By a clock of the host's. */
  readonly deadlineMs: number;
  /** How the event is to be put together; null: it is whole. */
  readonly columns: EventColumns | null;
  readonly millrace?: unknown;
}

export interface ContextActions {
  waits: boolean;
  /** That clock. */
  nowMs(): number;
  done(error: unknown, result: unknown): void;
}

/** `this` of no method matters, as in Lambda: handlers pass `context.succeed` around. */
export function makeContext(fixed: StaticContext, head: InvocationHead, actions: ContextActions): object {
  const deadline = head.deadlineMs;
  const context: Record<string, unknown> = {
    get callbackWaitsForEmptyEventLoop(): boolean {
      return actions.waits;
    },
    set callbackWaitsForEmptyEventLoop(value: boolean) {
      actions.waits = !!value;
    },
    succeed: (result: unknown) => actions.done(null, result),
    fail: (error: unknown) => actions.done(error ?? 'handled', undefined),
    done: (error: unknown, result: unknown) => actions.done(error, result),
    functionVersion: '$LATEST',
    functionName: fixed.functionName,
    memoryLimitInMB: `${fixed.memorySizeMb}`,
    logGroupName: `/aws/lambda/${fixed.functionName}`,
    logStreamName: fixed.logStreamName,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: `arn:millrace:lambda:::function:${fixed.functionName}`,
    awsRequestId: head.requestId,
    getRemainingTimeInMillis: (): number => {
      const left = floor(deadline - actions.nowMs());
      return left > 0 ? left : 0;
    },
  };
  if (head.millrace !== undefined) context.millrace = head.millrace;
  return context;
}
