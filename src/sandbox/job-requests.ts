/** The outgoing requests of one job: the child's word for each is checked, bounded and handed to the gateway; the answer goes back. */
import {
  EGRESS_REQUESTS_MAX,
  FETCH_BODY_BYTES_MAX,
  FETCH_BYTES_IN_FLIGHT_MAX,
  FETCH_HEAD_BYTES_MAX,
  FETCHES_IN_FLIGHT_MAX,
} from '../limits.ts';
import type { SandboxChild } from './child-process.ts';
import type { Egress, EgressResult } from './egress/port.ts';
import { FETCH_DONE, FLAG_ERROR, ProtocolError } from './protocol.ts';
import type { FetchRequestHead } from './runtime/hooks.ts';
import type { FunctionVersion, InvocationContext, LeaseView } from './types.ts';

export interface RequestsOf {
  readonly child: SandboxChild;
  readonly version: FunctionVersion;
  readonly context: InvocationContext;
  readonly lease: LeaseView | null;
  readonly egress: Egress;
}

interface Underway {
  readonly abort: AbortController;
  readonly bodyBytes: number;
}

export class JobRequests {
  readonly #of: RequestsOf;
  readonly #underway = new Map<number, Underway>();
  #bodyBytes = 0;
  #begun = 0;

  constructor(of: RequestsOf) {
    this.#of = of;
  }

  /** @throws ProtocolError for what the isolate would not have let through. */
  start(id: number, headBytes: Buffer, body: Buffer | null): void {
    if (++this.#begun > EGRESS_REQUESTS_MAX) throw new ProtocolError('more requests than it may make');
    if (this.#underway.has(id)) throw new ProtocolError('a request id is used twice');
    if (this.#underway.size >= FETCHES_IN_FLIGHT_MAX) throw new ProtocolError('too many requests at a time');
    const bodyBytes = body?.length ?? 0;
    if (bodyBytes > FETCH_BODY_BYTES_MAX) throw new ProtocolError('the body of a request is too large');
    if (this.#underway.size > 0 && this.#bodyBytes + bodyBytes > FETCH_BYTES_IN_FLIGHT_MAX)
      throw new ProtocolError('too many bytes of requests at a time');
    const head = readRequestHead(headBytes);
    const abort = new AbortController();
    this.#underway.set(id, { abort, bodyBytes });
    this.#bodyBytes += bodyBytes;
    const { version, context, lease, egress } = this.#of;
    egress({ head, body }, { version, context, lease, signal: abort.signal }).then(
      (result) => this.#answer(id, result),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : 'the request failed';
        this.#answer(id, { ok: false, error: { name: 'Error', message, code: 'ERR_EGRESS' } });
      },
    );
  }

  cancel(id: number): void {
    this.#take(id)?.abort();
  }

  /** Cancels every request that is still on its way. */
  end(): void {
    for (const id of [...this.#underway.keys()]) this.cancel(id);
  }

  #take(id: number): AbortController | undefined {
    const request = this.#underway.get(id);
    if (request === undefined) return undefined;
    this.#underway.delete(id);
    this.#bodyBytes -= request.bodyBytes;
    return request.abort;
  }

  #answer(id: number, result: EgressResult): void {
    const { child } = this.#of;
    const release = (): void => (result.ok ? result.release?.() : undefined);
    if (this.#take(id) === undefined || !child.alive) return release();
    const body = result.ok ? result.body : Buffer.alloc(0);
    const head = Buffer.from(JSON.stringify(result.ok ? result.head : result.error));
    const parts = [u32(id), u32(head.length), head, u32(body.length), body];
    // Held until the child has taken it: one that does not read gets no more bodies than it may hold.
    child.send(FETCH_DONE, result.ok ? 0 : FLAG_ERROR, parts, release);
  }
}

function u32(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(number, 0);
  return bytes;
}

function readRequestHead(bytes: Buffer): FetchRequestHead {
  if (bytes.length > FETCH_HEAD_BYTES_MAX) throw new ProtocolError('the head of a request is too large');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ProtocolError('the head of a request is no JSON');
  }
  const head = value as Partial<Record<keyof FetchRequestHead, unknown>> | null;
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && typeof pair[1] === 'string';
  const redirects = ['follow', 'error', 'manual'];
  if (
    typeof head !== 'object' ||
    head === null ||
    typeof head.method !== 'string' ||
    typeof head.url !== 'string' ||
    !redirects.includes(head.redirect as string) ||
    !Array.isArray(head.headers) ||
    !head.headers.every(isPair)
  )
    throw new ProtocolError('the head of a request is malformed');
  return {
    method: head.method,
    url: head.url,
    headers: head.headers as [string, string][],
    redirect: head.redirect as FetchRequestHead['redirect'],
    ...(head.raw === true ? { raw: true } : {}),
  };
}
