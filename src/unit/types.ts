/**
 * What becomes of a batch, as data. The rules that use these types are pure: no clock, no Redis, no randomness of their own.
 * Sources: esm-semantics.md §0.2, §1.7–1.9, §4.2; product.md "Expiry"; architecture.md §3, invariant 5.
 */
import type { Output } from '../output.ts';
import type { EntryId, Unit } from '../record.ts';
import type { Closing, WindowPart } from '../tumbling.ts';

export type { Unit } from '../record.ts';

export interface UnitPolicy {
  readonly batchSize: number;
  /** -1: unlimited. */
  readonly maximumRetryAttempts: number;
  /**
   * strict: maximumRecordAgeInSeconds was written out; what is overdue is given up untried (ageMs null: never).
   * default: 24 h, and no record expires without having failed by itself.
   */
  readonly age: (
    { readonly kind: 'strict'; readonly ageMs: number | null } | { readonly kind: 'default'; readonly ageMs: number }
  ) & {
    /** The shard is paused: ages stand still, and nothing is overdue. */
    readonly stands?: boolean;
  };
  readonly bisectBatchOnFunctionError: boolean;
  readonly reportBatchItemFailures: boolean;
  /** Which filter the records went through; absent: none. */
  readonly filterId?: string;
  /** How a handler may name a record, its sequence number first; absent: by entry id, too. */
  readonly namesOf?: (id: EntryId) => readonly string[];
  /** The mapping has an output: a record's partition key, for entries that name none. Absent: what an answer says of outputs means nothing. */
  readonly outputKeyOf?: (id: EntryId) => string | null;
  /** The open window, whose state the answer must hold; absent: what an answer says of state means nothing. */
  readonly window?: WindowPart;
}

/** A record of the unit as the rules see it. */
export interface RecordTime {
  readonly id: EntryId;
  /** Arrival in ms (Redis clock); age counts from here, or from `agesFromMs`. */
  readonly arrivalMs: number;
  /** Age counts from here instead (ageing.ts). */
  readonly agesFromMs?: number;
  /** Behind it, before the next one: how many records the filter passes over, and the last of them. They share its fate, uncounted by it. `others`: so many of other lanes beside them. */
  readonly passed?: { readonly count: number; readonly last: EntryId; readonly others?: number };
}

/** What the attempt came to. */
export type AttemptOutcome =
  /** `result` is the handler's return value as JSON text, at most RESULT_BYTES_MAX. */
  | { readonly kind: 'returned'; readonly result: string }
  | { readonly kind: 'failed'; readonly errorType: string; readonly errorMessage: string }
  /** No event can be made of this single record: it is too large, or not of the format. A failed attempt without an invocation. */
  | { readonly kind: 'no-event'; readonly reason: 'oversized' | 'malformed'; readonly errorMessage: string }
  /** Not the function's doing: spends nothing. With `retryAfterMs` nothing was delivered, and that is when it may be. */
  | { readonly kind: 'infrastructure'; readonly reason: string; readonly retryAfterMs?: number };

export type NoticeCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded' | 'SkippedByOperator' | 'SourceGap';

/** Records that did not succeed; becomes one failure notice (the executor adds event payload and names). */
export interface GiveUp {
  readonly condition: NoticeCondition;
  readonly first: EntryId;
  readonly last: EntryId;
  readonly count: number;
  readonly requestId: string;
  /** AWS's approximateInvokeCount. */
  readonly invokeCount: number;
  /** 'Unhandled' after an error, null after a bad or partial response; undefined: no responseContext at all. */
  readonly functionError: 'Unhandled' | null | undefined;
  readonly error: { readonly errorType: string; readonly errorMessage: string } | null;
  /** It was the final invocation of this window: no records, and `first` and `last` mean nothing. */
  readonly closes?: Closing;
}

/** What settle has to write. Everything the decision changes, and nothing else. */
export interface Decision {
  /** The checkpoint moves here, or stays (null). */
  readonly checkpoint: EntryId | null;
  readonly succeeded: number;
  readonly expired: number;
  readonly givenUp: number;
  /** Records that the filter passed over, among and behind those. */
  readonly filtered: number;
  readonly giveUps: readonly GiveUp[];
  /** Of what succeeded; absent: none. */
  readonly outputs?: readonly Output[];
  /** Of the open window; absent: nothing changes. Closed means that its final invocation is over, however that ended. */
  readonly window?: { readonly state: string } | 'closed';
  /** The whole new stack, head first. Empty: the next batch is read fresh. */
  readonly stack: readonly Unit[];
  /** Redis ms before which the head must not be tried again; null: at once. */
  readonly notBefore: number | null;
  /** AWS's LastProcessingResult, when this outcome changes it. */
  readonly lastProcessingResult: 'OK' | 'PROBLEM: Function call failed' | null;
  /** True when this attempt counts in millrace_retries_total / as a failed one. */
  readonly failed: boolean;
}
