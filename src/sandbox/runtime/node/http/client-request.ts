/**
 * ClientRequest over the gateway: the body is collected, and the request leaves as a whole when it has ended. Events come in the order
 * that clients know from a socket: socket, (continue), finish, response, close.
 */
import type * as NodeStream from 'node:stream';
import { makeBuffer } from '../../buffer.ts';
import { nodeError } from '../../errors.ts';
import { cancelRequest, sendRequest } from '../../fetch/send.ts';
import type { FetchErrorHead, FetchResponseHead } from '../../hooks.ts';
import { stream } from '../stream/stream.ts';
import { Connection } from './connection.ts';
import { HeaderStore } from './header-rules.ts';
import { IncomingMessage } from './incoming-message.ts';
import { type RequestOptions, targetOf, type Target } from './request-options.ts';
import { sentHeaders } from './sent-headers.ts';

const { Writable } = stream as typeof NodeStream;
type Done = (error?: Error | null) => void;

export class ClientRequest extends Writable {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly protocol: string;
  readonly agent: unknown;
  readonly reusedSocket = false;
  readonly maxHeadersCount = null;
  shouldKeepAlive = true;
  useChunkedEncodingByDefault = true;
  aborted = false;
  headersSent = false;
  res: IncomingMessage | null = null;
  socket: Connection | null = null;
  timeout: number | undefined;
  readonly #target: Target;
  readonly #headers = new HeaderStore();
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #fetchId: number | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(module: 'http' | 'https', options: RequestOptions, callback?: (response: IncomingMessage) => void) {
    super({ autoDestroy: false, emitClose: true, decodeStrings: true });
    this.#target = targetOf(options, module);
    this.method = this.#target.method;
    this.path = this.#target.path;
    this.host = this.#target.host;
    this.protocol = `${module}:`;
    this.agent = options.agent;
    this.#headers.setAll(options.headers);
    if (options.auth != null && !this.#headers.has('authorization'))
      this.#headers.set('Authorization', `Basic ${(makeBuffer(options.auth) as Buffer).toString('base64')}`);
    if (options.setHost !== false && !this.#headers.has('host')) this.#headers.set('Host', this.#target.url.host);
    if (callback !== undefined) this.once('response', callback as (...args: unknown[]) => void);
    if (options.timeout !== undefined) this.timeout = Number(options.timeout);
    if (options.signal !== undefined) this.#follow(options.signal);
    process.nextTick(() => this.#connected());
  }

  #follow(signal: AbortSignal): void {
    const abort = () => {
      const error = nodeError(Error, 'ABORT_ERR', 'The operation was aborted');
      error.name = 'AbortError';
      this.destroy(Object.assign(error, { cause: signal.reason as unknown }));
    };
    if (signal.aborted) return void process.nextTick(abort);
    signal.addEventListener('abort', abort, { once: true });
    this.once('close', () => signal.removeEventListener('abort', abort));
  }

  #connected(): void {
    if (this.destroyed) return;
    this.socket = new Connection(this.#target.port, this.protocol === 'https:', (error) => this.destroy(error));
    this.emit('socket', this.socket);
    if (this.timeout !== undefined) this.setTimeout(this.timeout);
    // The gateway sends the body in any case, so that there is nothing to wait for.
    if (/100-continue/i.test(String(this.#headers.get('expect') ?? ''))) setImmediate(() => this.emit('continue'));
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#chunks.push(new Uint8Array(chunk));
    this.#bytes += chunk.length;
    done();
  }

  override _final(done: Done): void {
    // After 'socket', which is where clients attach what they have to say.
    process.nextTick(() => {
      try {
        if (!this.destroyed) this.#send();
        done();
      } catch (error) {
        done(error as Error);
        this.destroy(error as Error);
      }
    });
  }

  #send(): void {
    const body = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks.splice(0)) {
      body.set(chunk, at);
      at += chunk.length;
    }
    const { url } = this.#target;
    const headers = sentHeaders(this.#headers.pairs(), url as unknown as URL, body.length);
    const head = { method: this.method, url: url.href, headers, redirect: 'manual', raw: true } as const;
    this.headersSent = true;
    const empty = body.length === 0 && !['POST', 'PUT', 'PATCH'].includes(this.method);
    this.#fetchId = sendRequest(head, empty ? null : body, (error, answer, bytes) => {
      this.#fetchId = null;
      if (this.destroyed) return;
      if (error !== null || answer === null) this.destroy(failureOf(error));
      else this.#respond(answer, bytes);
    });
  }

  #respond(head: FetchResponseHead, body: Uint8Array): void {
    this.#clearTimer();
    const response = new IncomingMessage(head, body, this.socket!);
    this.res = response;
    response.req = this;
    response.once('close', () => super.destroy());
    response.once('end', () => process.nextTick(() => super.destroy()));
    if (!this.emit('response', response)) response._dump();
  }

  override destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.#clearTimer();
    if (this.#fetchId !== null) cancelRequest(this.#fetchId);
    this.#fetchId = null;
    if (this.res !== null) {
      const reason = error ?? (this.res.complete ? undefined : reset('aborted'));
      this.res.destroy(reason);
      return super.destroy();
    }
    return super.destroy(error ?? reset('socket hang up'));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#clearTimer();
    this.socket?.release();
    done(error);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    process.nextTick(() => this.emit('abort'));
    this.destroy();
  }

  setTimeout(ms: number, callback?: () => void): this {
    if (callback !== undefined) this.once('timeout', callback);
    this.timeout = ms;
    this.#clearTimer();
    if (ms <= 0 || this.res !== null || this.destroyed) return this;
    this.#timer = setTimeout(() => {
      this.emit('timeout');
      this.socket?.emit('timeout');
    }, ms);
    (this.#timer as unknown as { unref(): void }).unref();
    return this;
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  get connection(): Connection | null {
    return this.socket;
  }
  get finished(): boolean {
    return this.writableEnded;
  }
  setHeader(name: string, value: unknown): this {
    if (this.headersSent)
      throw nodeError(Error, 'ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client');
    this.#headers.set(name, value);
    return this;
  }
  appendHeader(name: string, value: unknown): this {
    this.#headers.append(name, value);
    return this;
  }
  setHeaders(headers: Iterable<[string, unknown]>): this {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  }
  getHeader(name: string): unknown {
    return this.#headers.get(name);
  }
  getHeaders(): Record<string, unknown> {
    return this.#headers.all();
  }
  getHeaderNames(): string[] {
    return this.#headers.names();
  }
  getRawHeaderNames(): string[] {
    return this.#headers.rawNames();
  }
  hasHeader(name: string): boolean {
    return this.#headers.has(name);
  }
  removeHeader(name: string): void {
    this.#headers.delete(name);
  }
  /** The request leaves when it has ended; there is nothing to flush. */
  flushHeaders(): void {}
  setNoDelay(): void {}
  setSocketKeepAlive(): void {}
  onSocket(): void {}
}

function reset(message: string): Error {
  return nodeError(Error, 'ECONNRESET', message);
}

function failureOf(head: FetchErrorHead | null): Error {
  const { message, code } = head ?? { message: 'no answer', code: 'ECONNRESET' };
  return nodeError(Error, code, message);
}
