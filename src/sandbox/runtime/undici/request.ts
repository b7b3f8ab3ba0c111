/** undici's `request` over the gateway: no redirects, the body as the server sent it, there as a whole when the head is. */
import type * as NodeStream from 'node:stream';
import { makeBuffer } from '../buffer.ts';
import { nodeError } from '../errors.ts';
import { takeBody } from '../fetch/body.ts';
import { FormData } from '../fetch/form-data.ts';
import { Response } from '../fetch/messages.ts';
import { cancelRequest, sendRequest } from '../fetch/send.ts';
import { jsonParse } from '../host.ts';
import type { FetchResponseHead } from '../hooks.ts';
import { HeaderStore, listHeaders } from '../node/http/header-rules.ts';
import { sentHeaders } from '../node/http/sent-headers.ts';
import { stream } from '../node/stream/stream.ts';
import { refusal } from '../node/unsupported.ts';
import { URL } from '../url/url.ts';
import { errors } from './errors.ts';

const { Readable } = stream as typeof NodeStream;

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal | null;
  readonly headersTimeout?: number | null;
  readonly opaque?: unknown;
  readonly upgrade?: unknown;
}

/** As BodyReadable: a stream that can also be read as a whole. */
class ResponseBody extends Readable {
  readonly #whole: Uint8Array;
  #used = false;
  constructor(bytes: Uint8Array) {
    super();
    this.#whole = bytes;
  }
  override _read(): void {
    if (this.#whole.length > 0) this.push(makeBuffer(this.#whole.buffer, this.#whole.byteOffset, this.#whole.length));
    this.push(null);
  }
  get bodyUsed(): boolean {
    return this.#used || this.readableDidRead;
  }
  #take(): Response {
    if (this.bodyUsed) throw new TypeError('unusable');
    this.#used = true;
    this.resume();
    return new Response(this.#whole);
  }
  async text(): Promise<string> {
    return this.#take().text();
  }
  async json(): Promise<unknown> {
    return jsonParse(await this.text());
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#take().arrayBuffer();
  }
  async bytes(): Promise<Uint8Array> {
    return this.#take().bytes();
  }
  async blob(): Promise<unknown> {
    return this.#take().blob();
  }
  async formData(): Promise<never> {
    throw new errors.NotSupportedError();
  }
  async dump(): Promise<null> {
    this.#used = true;
    this.resume();
    return null;
  }
}

function urlOf(input: unknown, query: RequestOptions['query']): URL {
  const url = new URL(typeof input === 'object' && input !== null ? String(input) : (input as string));
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new errors.InvalidArgumentError('Invalid URL protocol: the URL must start with `http:` or `https:`.');
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, String(one)]),
  );
  if (pairs.length > 0) {
    if (url.search !== '' || url.hash !== '')
      throw new errors.InvalidArgumentError('Query params cannot be passed when url already contains "?" or "#".');
    url.search = pairs.map((pair) => pair.map((part) => encodeURIComponent(part)).join('=')).join('&');
  }
  return url;
}

async function bodyOf(body: unknown, headers: HeaderStore): Promise<Uint8Array | null> {
  if (body === null || body === undefined) return null;
  const message = new Response(body);
  if (body instanceof FormData && !headers.has('content-type'))
    headers.set('content-type', message.headers.get('content-type'));
  return takeBody(message);
}

/** More than one of a name: a list, as undici has it. */
function headersOf(head: FetchResponseHead): Record<string, string | string[]> {
  const lists = Object.entries(listHeaders(head.headers));
  return Object.fromEntries(lists.map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
}

export async function request(input: unknown, options: RequestOptions = {}): Promise<object> {
  if (options.upgrade) throw refusal('undici', 'an upgrade');
  const url = urlOf(input, options.query);
  const headers = new HeaderStore();
  headers.setAll(options.headers);
  const { signal } = options;
  signal?.throwIfAborted();
  const body = await bodyOf(options.body, headers);
  signal?.throwIfAborted();
  const method = options.method ?? 'GET';
  const sent = sentHeaders(headers.pairs(), url as never, body?.length ?? 0);
  return new Promise((resolve, reject) => {
    const over = (reason: unknown) => {
      cancelRequest(id);
      finish();
      reject(reason as Error);
    };
    const aborted = () => over(signal!.reason ?? new errors.RequestAbortedError());
    const wait = options.headersTimeout ?? 0;
    const timer =
      wait > 0 ? setTimeout(() => over(new errors.HeadersTimeoutError('Headers Timeout Error')), wait) : undefined;
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const head = { method, url: url.href, headers: sent, redirect: 'manual', raw: true } as const;
    const id = sendRequest(head, body, (error, answer, bytes) => {
      finish();
      if (error !== null || answer === null)
        return reject(nodeError(Error, error?.code ?? 'UND_ERR_SOCKET', error?.message ?? 'no answer'));
      const { status: statusCode, statusText } = answer;
      return resolve({
        ...{ statusCode, statusText, headers: headersOf(answer), body: new ResponseBody(bytes) },
        ...{ trailers: {}, opaque: options.opaque ?? null, context: {} },
      });
    });
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
