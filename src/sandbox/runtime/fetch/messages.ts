/** Request and Response, Fetch standard. */
import { AbortController, type AbortSignal } from '../abort.ts';
import { jsonStringify, upperCase } from '../host.ts';
import { parseUrl } from '../url/parser.ts';
import { hasCredentials, serializeUrl } from '../url/record.ts';
import { URL } from '../url/url.ts';
import { Body, type Extracted, extractBody } from './body.ts';
import { Headers, type HeadersInit, pairsOf } from './headers.ts';

export interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: unknown;
  redirect?: 'follow' | 'error' | 'manual';
  signal?: AbortSignal | null;
}

const STANDARD_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];

function methodOf(method: unknown): string {
  const text = String(method);
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text))
    throw new TypeError(`'${text.slice(0, 40)}' is not a valid HTTP method.`);
  const upper = upperCase(text);
  if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK')
    throw new TypeError(`'${text}' HTTP method is unsupported.`);
  return STANDARD_METHODS.includes(upper) ? upper : text;
}

function urlOf(input: unknown): string {
  const text = String(input);
  const url = parseUrl(text, null);
  if (url === null) throw new TypeError(`Failed to parse URL from ${text.slice(0, 200)}`);
  if (hasCredentials(url)) throw new TypeError(`Request cannot be constructed from a URL that includes credentials`);
  return serializeUrl(url);
}

export class Request extends Body {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly redirect: 'follow' | 'error' | 'manual';
  readonly signal: AbortSignal;

  constructor(input: unknown, init: RequestInit = {}) {
    const from = input instanceof Request ? input : null;
    const method = init.method === undefined ? (from?.method ?? 'GET') : methodOf(init.method);
    const given: Extracted = init.body != null ? extractBody(init.body) : { source: null, type: null };
    if (given.source !== null && (method === 'GET' || method === 'HEAD'))
      throw new TypeError('Request with GET/HEAD method cannot have body.');
    super(init.body == null && from !== null ? from.split() : given.source);
    this.method = method;
    this.url = from === null ? urlOf(input) : from.url;
    this.headers = new Headers(init.headers ?? from?.headers);
    if (given.type !== null && !this.headers.has('content-type')) this.headers.set('content-type', given.type);
    this.redirect = init.redirect ?? from?.redirect ?? 'follow';
    this.signal = init.signal ?? from?.signal ?? new AbortController().signal;
  }
  protected contentType(): string | null {
    return this.headers.get('content-type');
  }
  clone(): Request {
    return new Request(this);
  }
  get [Symbol.toStringTag](): string {
    return 'Request';
  }
}

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

interface Received {
  readonly url: string;
  readonly redirected: boolean;
}

const NO_BODY = [101, 204, 205, 304];

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  #received: Received = { url: '', redirected: false };
  #error = false;

  constructor(body: unknown = null, init: ResponseInit = {}) {
    const { source, type } = extractBody(body);
    super(source);
    this.status = init.status === undefined ? 200 : Number(init.status);
    if (!(this.status >= 200 && this.status <= 599))
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    if (source !== null && NO_BODY.includes(this.status))
      throw new TypeError(`Response constructor: Invalid response status code ${this.status}`);
    this.statusText = String(init.statusText ?? '');
    this.headers = new Headers(init.headers);
    if (type !== null && !this.headers.has('content-type')) this.headers.set('content-type', type);
  }
  static receive(
    head: { status: number; statusText: string; headers: readonly (readonly [string, string])[] } & Received,
    body: Uint8Array,
  ): Response {
    const response = new Response(NO_BODY.includes(head.status) ? null : body, head as unknown as ResponseInit);
    response.#received = head;
    return response;
  }
  static error(): Response {
    const response = new Response();
    response.#error = true;
    return response;
  }
  static json(data: unknown, init: ResponseInit = {}): Response {
    const text = jsonStringify(data);
    if (text === undefined) throw new TypeError('The data is not JSON serializable');
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(text, { ...init, headers });
  }
  static redirect(url: unknown, status = 302): Response {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError('Invalid status code');
    return new Response(null, { status, headers: { location: new URL(url).href } });
  }
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299 && !this.#error;
  }
  get type(): string {
    return this.#error ? 'error' : 'default';
  }
  get url(): string {
    return this.#received.url;
  }
  get redirected(): boolean {
    return this.#received.redirected;
  }
  protected contentType(): string | null {
    return this.headers.get('content-type');
  }
  clone(): Response {
    const copy = new Response(null, {
      status: this.status,
      statusText: this.statusText,
      headers: pairsOf(this.headers),
    });
    return copyBody(copy, this.split(), this.#received);
  }
  static withBody(of: Response, source: Extracted['source'], received: Received): Response {
    const made = new Response(source, { status: of.status, statusText: of.statusText, headers: pairsOf(of.headers) });
    made.#received = received;
    return made;
  }
  get [Symbol.toStringTag](): string {
    return 'Response';
  }
}

export const receiveResponse = Response.receive;
const copyBody = Response.withBody;
Reflect.deleteProperty(Response, 'receive');
Reflect.deleteProperty(Response, 'withBody');
