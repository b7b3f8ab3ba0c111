/** What performs a handler's outgoing request, in the parent: given to createSandbox, so that the core knows no HTTP client. */
import type { FetchErrorHead, FetchRequestHead, FetchResponseHead } from '../runtime/hooks.ts';
import type { FunctionVersion, InvocationContext, LeaseView } from '../types.ts';

/** `head` has the right types (checked by the core: strings, lengths, counts) but nothing else about it is trusted. */
export interface EgressRequest {
  readonly head: FetchRequestHead;
  readonly body: Buffer | null;
}

export interface EgressCall {
  readonly version: FunctionVersion;
  readonly context: InvocationContext;
  readonly lease: LeaseView | null;
  /** Aborted when the handler cancels, the invocation ends, or the child dies. */
  readonly signal: AbortSignal;
}

export type EgressResult =
  /** `release` gives back the memory that was reserved for the body: call it once the body is held no longer. */
  | { readonly ok: true; readonly head: FetchResponseHead; readonly body: Buffer; readonly release?: () => void }
  | { readonly ok: false; readonly error: FetchErrorHead };

/** Refusals are results with an error, never rejections; a rejection is a defect and reaches the handler as a plain failure. */
export type Egress = (request: EgressRequest, call: EgressCall) => Promise<EgressResult>;
