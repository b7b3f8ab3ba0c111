/** What Request and Response share: a body that is read once. */
import { jsonParse } from '../host.ts';
import { parseForm, URLSearchParams } from '../url/search-params.ts';
import { utf8Decode, utf8Encode } from '../utf8.ts';
import { Blob, blobBytes } from './blob.ts';
import { FormData, encodeForm } from './form-data.ts';
import { byteStream, isDisturbed, isReadableStream, streamOf } from './web-streams.ts';

export interface Extracted {
  /** Bytes, or a stream whose bytes come later. */
  readonly source: Uint8Array | ReadableStream | null;
  /** What content-type is when the user says nothing. */
  readonly type: string | null;
}

export function extractBody(body: unknown): Extracted {
  if (body === null || body === undefined) return { source: null, type: null };
  if (typeof body === 'string') return { source: utf8Encode(body), type: 'text/plain;charset=UTF-8' };
  if (isReadableStream(body)) {
    if (body.locked || isDisturbed(body)) throw new TypeError('Response body object should not be disturbed or locked');
    return { source: body, type: null };
  }
  if (body instanceof ArrayBuffer) return { source: new Uint8Array(body.slice(0)), type: null };
  if (ArrayBuffer.isView(body))
    return { source: new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(), type: null };
  if (body instanceof URLSearchParams) {
    return { source: utf8Encode(body.toString()), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  if (body instanceof Blob) return { source: blobBytes(body), type: body.type === '' ? null : body.type };
  if (body instanceof FormData) return encodeForm(body);
  if (typeof body === 'object' && Symbol.asyncIterator in body) {
    return { source: streamOf(body as AsyncIterable<unknown>), type: null };
  }
  return { source: utf8Encode(String(body)), type: 'text/plain;charset=UTF-8' };
}

async function collect(source: Extracted['source']): Promise<Uint8Array> {
  if (source === null) return new Uint8Array(0);
  if (source instanceof Uint8Array) return source;
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of source) {
    const bytes = typeof chunk === 'string' ? utf8Encode(chunk) : chunk;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('Received non-Uint8Array chunk');
    total += bytes.length;
    chunks.push(bytes);
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

export abstract class Body {
  #source: Extracted['source'];
  #stream: ReadableStream | null = null;
  #used = false;

  constructor(source: Extracted['source']) {
    this.#source = source;
  }

  /** The whole body, used up; null when there is none. Bytes go by no stream, whose methods a handler may have replaced. */
  static take(body: Body): Promise<Uint8Array> | null {
    return body.#source === null ? null : body.#take();
  }

  protected abstract contentType(): string | null;

  get body(): ReadableStream | null {
    if (this.#source === null) return null;
    const source = this.#source;
    this.#stream ??= isReadableStream(source) ? source : byteStream(source);
    return this.#stream;
  }
  get bodyUsed(): boolean {
    return this.#used || (this.#stream !== null && isDisturbed(this.#stream));
  }
  async #take(): Promise<Uint8Array> {
    if (this.bodyUsed || this.#stream?.locked === true)
      throw new TypeError('Body is unusable: Body has already been read');
    this.#used = this.#source !== null;
    return collect(this.#stream ?? this.#source);
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#take();
    return bytes.slice().buffer as ArrayBuffer;
  }
  async bytes(): Promise<Uint8Array> {
    return (await this.#take()).slice();
  }
  async text(): Promise<string> {
    const bytes = await this.#take();
    const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    return utf8Decode(bytes, start, bytes.length);
  }
  async json(): Promise<unknown> {
    return jsonParse(await this.text());
  }
  async blob(): Promise<Blob> {
    return new Blob([await this.#take()], { type: this.contentType() ?? '' });
  }
  async formData(): Promise<FormData> {
    const type = this.contentType() ?? '';
    if (!/^application\/x-www-form-urlencoded/i.test(type)) {
      throw new TypeError('formData: only application/x-www-form-urlencoded bodies can be read as a form');
    }
    const form = new FormData();
    for (const [name, value] of parseForm(await this.text())) form.append(name, value);
    return form;
  }
  /** Both bodies can be read after this; the stream is split when there is one. */
  protected split(): Extracted['source'] {
    if (this.bodyUsed) throw new TypeError('Body is unusable: Body has already been read');
    if (this.#stream === null && !isReadableStream(this.#source)) return this.#source;
    const [mine, theirs] = this.body!.tee();
    this.#source = this.#stream = mine;
    return theirs;
  }
}

export const takeBody = Body.take;
Reflect.deleteProperty(Body, 'take');
