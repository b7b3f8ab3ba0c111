/** IncomingMessage: a response, whose body is there as a whole when it begins. */
import type { FetchResponseHead } from '../../hooks.ts';
import type * as NodeStream from 'node:stream';
import { makeBuffer } from '../../buffer.ts';
import { stream } from '../stream/stream.ts';
import type { Connection } from './connection.ts';
import { joinHeaders, listHeaders, type Pairs } from './header-rules.ts';

const { Readable } = stream as typeof NodeStream;
/** As large as what a socket gives at a time. */
const CHUNK_BYTES = 64 * 1024;

export class IncomingMessage extends Readable {
  readonly httpVersion = '1.1';
  readonly httpVersionMajor = 1;
  readonly httpVersionMinor = 1;
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly headers: Record<string, string | string[]>;
  readonly rawHeaders: string[];
  readonly trailers = {};
  readonly rawTrailers: string[] = [];
  readonly trailersDistinct = {};
  readonly method = null;
  readonly url = '';
  complete = false;
  aborted = false;
  socket: Connection;
  req: unknown = null;
  readonly #pairs: Pairs;
  #body: Uint8Array;

  constructor(head: FetchResponseHead, body: Uint8Array, socket: Connection) {
    super({ highWaterMark: CHUNK_BYTES });
    this.statusCode = head.status;
    this.statusMessage = head.statusText;
    this.#pairs = head.headers;
    this.headers = joinHeaders(head.headers);
    this.rawHeaders = head.headers.flat() as string[];
    this.#body = body;
    this.socket = socket;
  }
  get connection(): Connection {
    return this.socket;
  }
  get headersDistinct(): Record<string, string[]> {
    return listHeaders(this.#pairs);
  }
  override _read(): void {
    if (this.#body.length === 0) {
      this.complete = true;
      this.push(null);
      return;
    }
    const chunk = this.#body.subarray(0, CHUNK_BYTES);
    this.#body = this.#body.subarray(CHUNK_BYTES);
    this.push(makeBuffer(chunk.buffer, chunk.byteOffset, chunk.length));
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.complete) {
      this.aborted = true;
      this.emit('aborted');
    }
    done(error);
  }
  setTimeout(_ms: number, _callback?: () => void): this {
    return this;
  }
  /** Nobody will read it: let it come to its end. */
  _dump(): void {
    this.resume();
  }
}
