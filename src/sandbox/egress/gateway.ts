/** The fetch gateway: what performs a handler's outgoing requests, outside of the process that runs the handler. */
import {
  EGRESS_IN_FLIGHT_MAX,
  EGRESS_REDIRECTS_MAX,
  EGRESS_REQUEST_MS,
  EGRESS_REQUESTS_MAX,
  EGRESS_URL_BYTES_MAX,
  LEASE_ASKED_MAX,
} from '../../limits.ts';
import type { InvocationContext, LeaseView } from '../types.ts';
import { type AllowList, parseAllowList } from './allow-list.ts';
import { Connections } from './connections.ts';
import { decodeBody } from './decode-body.ts';
import { NoResponse, type RawResponse, exchange } from './exchange.ts';
import { cancelled, EgressFailure, limited, refused } from './failure.ts';
import { Lookups } from './lookups.ts';
import type { Egress, EgressCall, EgressRequest, EgressResult } from './port.ts';
import { type HeaderList, afterRedirect, checkHeaders, withOurs } from './request-headers.ts';
import { Room } from './room.ts';
import { type Resolve, type Target, addressesOf, parseTarget, systemResolve } from './target.ts';

export interface EgressOptions {
  /** Certificate authorities (PEM) instead of Node's own. */
  readonly ca?: string;
  readonly resolve?: Resolve;
  /** Instead of EGRESS_REQUEST_MS. */
  readonly requestMs?: number;
}

interface Hop {
  readonly target: Target;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: Buffer | null;
}

interface Usage {
  begun: number;
  open: number;
}

const METHOD = /^[A-Za-z][A-Za-z-]{0,31}$/;
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** May be sent twice when nobody can tell whether the first was taken (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** `close` ends the connections that are kept open; `heldBytes`: reserved for bodies that no child has yet. */
export function createEgress(options: EgressOptions = {}): Egress & { close(): void; heldBytes(): number } {
  const gateway = new Gateway(options);
  return Object.assign((request: EgressRequest, call: EgressCall) => gateway.request(request, call), {
    close: () => gateway.connections.close(),
    heldBytes: () => gateway.room.takenBytes,
  });
}

class Gateway {
  readonly connections: Connections;
  readonly room = new Room();
  readonly #lookups: Lookups;
  readonly #requestMs: number;
  readonly #allowLists = new WeakMap<readonly string[], AllowList>();
  readonly #usage = new WeakMap<InvocationContext, Usage>();

  constructor(options: EgressOptions) {
    this.connections = new Connections(options.ca);
    this.#lookups = new Lookups(options.resolve ?? systemResolve);
    this.#requestMs = options.requestMs ?? EGRESS_REQUEST_MS;
  }

  async request(request: EgressRequest, call: EgressCall): Promise<EgressResult> {
    const usage = this.#usageOf(call.context);
    const clock = new AbortController();
    const cancel = (): void => clock.abort(call.signal.reason);
    const timer = setTimeout(
      () => clock.abort(limited(`no whole answer came within ${this.#requestMs / 1000} s`)),
      this.#requestMs,
    );
    try {
      if (call.signal.aborted) cancel();
      else call.signal.addEventListener('abort', cancel, { once: true });
      if (++usage.begun > EGRESS_REQUESTS_MAX)
        throw limited(`an invocation makes at most ${EGRESS_REQUESTS_MAX} requests`);
      if (++usage.open > EGRESS_IN_FLIGHT_MAX)
        throw limited(`an invocation has at most ${EGRESS_IN_FLIGHT_MAX} requests under way`);
      return await this.#follow(request, { ...call, signal: clock.signal });
    } catch (error) {
      if (!(error instanceof EgressFailure)) throw error;
      return { ok: false, error: { name: error.name, message: error.message, code: error.code } };
    } finally {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', cancel);
      usage.open--;
    }
  }

  #usageOf(context: InvocationContext): Usage {
    let usage = this.#usage.get(context);
    if (usage === undefined) this.#usage.set(context, (usage = { begun: 0, open: 0 }));
    return usage;
  }

  #allowListOf(entries: readonly string[]): AllowList {
    let list = this.#allowLists.get(entries);
    if (list === undefined) this.#allowLists.set(entries, (list = parseAllowList(entries)));
    return list;
  }

  async #follow({ head, body }: EgressRequest, call: EgressCall): Promise<EgressResult> {
    const method = checkMethod(head.method);
    const target = parseTarget(bounded(head.url));
    if (body !== null && (method === 'GET' || method === 'HEAD')) throw refused(`a ${method} request has no body`);
    let hop: Hop = { target, method, headers: checkHeaders(head.headers, target, body?.length ?? 0), body };
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(hop, call);
      let next: Hop | null = null;
      try {
        if (REDIRECTS.has(response.status) && head.redirect !== 'manual') next = nextHop(hop, response);
        if (next === null) return await finished(hop, response, redirects > 0, head.raw === true);
      } catch (error) {
        response.release();
        throw error;
      }
      response.release();
      if (head.redirect === 'error')
        throw refused(`${hop.target.url.host} answered with a redirect, which the request forbids`);
      if (redirects === EGRESS_REDIRECTS_MAX) throw limited(`more than ${EGRESS_REDIRECTS_MAX} redirects`);
      hop = next;
    }
  }

  async #send(hop: Hop, call: EgressCall): Promise<RawResponse> {
    const key = `${call.version.hash} ${hop.target.url.origin}`;
    const idle = this.connections.takeIdle(key);
    for (let asked = 1, client = idle; ; asked++, client = null) {
      try {
        return await this.#on(key, client ?? (await this.#open(key, hop, call)), hop, call);
      } catch (error) {
        const closed = client !== null && error instanceof NoResponse && (!error.written || IDEMPOTENT.has(hop.method));
        const again = closed || error instanceof StoodStill;
        if (!again || asked === LEASE_ASKED_MAX || call.signal.aborted) throw error;
      }
    }
  }

  async #open(key: string, { target }: Hop, { version, signal }: EgressCall): ReturnType<Connections['open']> {
    const addresses = await addressesOf(
      target,
      this.#allowListOf(version.networkAllow),
      this.#lookups.of(version.name),
    );
    if (signal.aborted) throw cancelled(signal);
    return await this.connections.open(key, target, addresses, signal);
  }

  async #on(key: string, client: Parameters<typeof exchange>[0], hop: Hop, call: EgressCall): Promise<RawResponse> {
    const { url } = hop.target;
    try {
      await confirmLease(call.lease);
      const response = await exchange(client, {
        method: hop.method,
        path: url.pathname + url.search,
        headers: withOurs(hop.headers, call.context, call.lease),
        body: hop.body,
        signal: call.signal,
        mayWrite: () => checkHeld(call.lease),
        onArrival: (look) => this.connections.onArrival(client, look),
        reserve: (bytes) => this.room.take(call.context, call.version.name, bytes, call.signal),
      });
      this.connections.giveBack(key, client);
      return response;
    } catch (error) {
      this.connections.drop(client);
      throw error;
    }
  }
}

const NOT_HELD = 'this worker no longer holds the shard: the request was not sent';
const fenced = () => new EgressFailure('ERR_EGRESS_FENCED', NOT_HELD);

/** Between the lease's answer and the write, for so long that the lock may have ended: nothing was written, and the lease can be asked again. */
class StoodStill extends EgressFailure {
  constructor() {
    super('ERR_EGRESS_FENCED', NOT_HELD);
  }
}

async function confirmLease(lease: LeaseView | null): Promise<void> {
  // Not being able to tell is no permission.
  if (lease !== null && !(await lease.confirm().catch(() => false))) throw fenced();
}

function checkHeld(lease: LeaseView | null): void {
  if (lease !== null && !lease.held()) throw new StoodStill();
}

function checkMethod(method: string): string {
  if (!METHOD.test(method)) throw refused(`${JSON.stringify(method.slice(0, 40))} is no HTTP method`);
  if (REFUSED_METHODS.has(method.toUpperCase())) throw refused(`${method} requests cannot be made`);
  return method;
}

function bounded(url: string): string {
  if (url.length > EGRESS_URL_BYTES_MAX) throw limited(`a URL has at most ${EGRESS_URL_BYTES_MAX} characters`);
  return url;
}

/** Null: the response is the answer after all, because it does not say where to go. */
function nextHop(hop: Hop, response: RawResponse): Hop | null {
  const location = response.headers.find(([name]) => name === 'location')?.[1];
  if (location === undefined) return null;
  const target = parseTarget(bounded(location), hop.target.url);
  if (hop.target.tls && !target.tls)
    throw refused(`${hop.target.url.host} redirects from https: to http:, which is not followed`);
  const { status } = response;
  const toGet =
    status === 303
      ? hop.method !== 'GET' && hop.method !== 'HEAD'
      : (status === 301 || status === 302) && hop.method === 'POST';
  const crossOrigin = target.url.origin !== hop.target.url.origin;
  return {
    target,
    method: toGet ? 'GET' : hop.method,
    headers: afterRedirect(hop.headers, crossOrigin, toGet),
    body: toGet ? null : hop.body,
  };
}

async function finished(hop: Hop, response: RawResponse, redirected: boolean, raw: boolean): Promise<EgressResult> {
  const { status, statusText, headers } = response;
  const encoding = headers.find(([name]) => name === 'content-encoding')?.[1];
  const whole = raw || encoding === undefined ? response.body : await decodeBody(response.body, encoding);
  const body = hop.method === 'HEAD' ? Buffer.alloc(0) : whole;
  const head = { status, statusText, url: hop.target.url.href, redirected, headers };
  return { ok: true, head, body, release: response.release };
}
