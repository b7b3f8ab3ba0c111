/** Outgoing requests as the isolate sees them: at most so many cross at a time, the others wait here in their order. */
import type { FetchDone, FetchErrorHead, FetchRequestHead, FetchResponseHead } from '../runtime/hooks.ts';
import { fromBase64, toBase64 } from './bytes.ts';
import type { Host } from './host.ts';
import { NativeError, NativeRangeError, NativeUint8Array, parse, stringify } from './primordials.ts';

/** Requests of one invocation that wait for their turn; a handler with more has lost count. */
const WAITING_MAX = 10_000;

interface Pending {
  readonly id: number;
  readonly head: string;
  readonly body: string | null;
  readonly bodyBytes: number;
  readonly done: FetchDone;
  started: boolean;
  next: Pending | null;
}

let host: Host;
let limits: FetchLimits;
let ids = 0;
let pending: Record<number, Pending> = { __proto__: null } as never;
let count = 0;
let inFlight = 0;
let bytesInFlight = 0;
let begun = 0;
let bytesBegun = 0;
let firstWaiting: Pending | null = null;
let lastWaiting: Pending | null = null;

/** As the wire has them (sandbox/protocol.ts): the daemon keeps the same. */
interface FetchLimits {
  readonly fetches: number;
  readonly fetchesInAll: number;
  readonly fetchBytesInAll: number;
  readonly fetchBytesInFlight: number;
  readonly fetchHeadBytes: number;
  readonly fetchBodyBytes: number;
}

export function setUpFetches(to: Host, bounds: FetchLimits): void {
  host = to;
  limits = bounds;
}

/** Requests end with their invocation: the daemon has cancelled them, and nobody is told. */
export function forgetFetches(): void {
  pending = { __proto__: null } as never;
  count = 0;
  inFlight = 0;
  bytesInFlight = 0;
  begun = 0;
  bytesBegun = 0;
  firstWaiting = null;
  lastWaiting = null;
}

export function fetchesPending(): boolean {
  return count > 0;
}

function startWaiting(): void {
  while (inFlight < limits.fetches && firstWaiting !== null) {
    const next: Pending = firstWaiting;
    const fits = inFlight === 0 || bytesInFlight + next.bodyBytes <= limits.fetchBytesInFlight;
    if (pending[next.id] === next && !fits) return;
    firstWaiting = next.next;
    if (firstWaiting === null) lastWaiting = null;
    if (pending[next.id] !== next) continue;
    next.started = true;
    inFlight++;
    bytesInFlight += next.bodyBytes;
    host.startFetch(next.id, next.head, next.body);
  }
}

function limited(message: string): Error {
  const error = new NativeError(message);
  (error as { code?: string }).code = 'ERR_EGRESS_LIMIT';
  return error;
}

export function startFetch(head: FetchRequestHead, body: Uint8Array | null, done: FetchDone): number {
  if (count >= WAITING_MAX) throw new NativeError('too many requests are open');
  const bodyBytes = body === null ? 0 : body.byteLength;
  if (bodyBytes > limits.fetchBodyBytes)
    throw new NativeRangeError(`the body of a request is larger than ${limits.fetchBodyBytes} bytes`);
  const headText = stringify(head);
  // Three bytes a character at most: what is longer cannot be sent.
  if (headText.length * 3 > limits.fetchHeadBytes)
    throw new NativeRangeError('the URL and headers of a request are too large');
  if (begun >= limits.fetchesInAll) throw limited(`an invocation makes at most ${limits.fetchesInAll} requests`);
  bytesBegun += headText.length * 3 + bodyBytes;
  if (bytesBegun > limits.fetchBytesInAll)
    throw limited(`an invocation sends at most ${limits.fetchBytesInAll} bytes in requests`);
  begun++;
  const id = ++ids;
  const one = {
    __proto__: null,
    id,
    head: headText,
    body: body === null ? null : toBase64(body),
    bodyBytes,
    done,
    started: false,
    next: null,
  } as unknown as Pending;
  pending[id] = one;
  count++;
  if (lastWaiting === null) firstWaiting = one;
  else lastWaiting.next = one;
  lastWaiting = one;
  startWaiting();
  return id;
}

export function cancelFetch(id: number): void {
  const one = take(id);
  if (one?.started === true) host.cancelFetch(id);
  startWaiting();
}

function take(id: number): Pending | undefined {
  const one = pending[id];
  if (one === undefined) return undefined;
  delete pending[id];
  count--;
  if (one.started) {
    inFlight--;
    bytesInFlight -= one.bodyBytes;
  }
  return one;
}

/** From the child; what `done` throws is the caller's. */
export function finishFetch(id: number, head: string, body: string, failed: boolean): void {
  const one = take(id);
  startWaiting();
  if (one === undefined) return;
  if (failed) one.done(parse(head) as FetchErrorHead, null, new NativeUint8Array(0));
  else one.done(null, parse(head) as FetchResponseHead, fromBase64(body));
}
