/** One request and its response on one connection. */
import type { Client, Dispatcher } from 'undici';
import { EGRESS_BODY_BYTES_MAX, EGRESS_HEAD_BYTES_MAX } from '../../limits.ts';
import { cancelled, EgressFailure, limited } from './failure.ts';

/** Interim responses (103 and the like) before the answer: one or two are usual. */
const INTERIM_MAX = 16;
/** What may arrive before the head is complete: all of those, and a reason of any length that the parser would take. */
const BEFORE_HEAD_BYTES_MAX = (INTERIM_MAX + 1) * EGRESS_HEAD_BYTES_MAX;
/** And in all: a body in chunks of a few bytes each is several times as long on the wire. */
const WIRE_BYTES_MAX = 4 * EGRESS_BODY_BYTES_MAX + BEFORE_HEAD_BYTES_MAX;

export interface Exchange {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer | null;
  readonly signal: AbortSignal;
  /** Called synchronously right before the first byte is written; what it throws is the outcome, and nothing is written. */
  readonly mayWrite: () => void;
  /** Reserves memory for the body; null when the signal was aborted meanwhile. */
  readonly reserve: (bytes: number) => (() => void) | Promise<(() => void) | null>;
  /** See Connections.onArrival. */
  readonly onArrival: (look: (bytes: number) => void) => () => void;
}

export interface RawResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: [string, string][];
  readonly body: Buffer;
  /** Gives the memory of the body back. */
  readonly release: () => void;
}

/** The connection broke before anything of a response came: a re-used one the server may simply have closed. */
export class NoResponse extends EgressFailure {
  /** Something of the request may have reached the server. */
  readonly written: boolean;
  constructor(written: boolean, why: string) {
    super('ERR_EGRESS_NETWORK', `no response came (${why})`);
    this.written = written;
  }
}

export function exchange(client: Client, request: Exchange): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const receiving = new Receiving(request, resolve, reject);
    try {
      client.dispatch(
        {
          method: request.method as Dispatcher.HttpMethod,
          path: request.path,
          headers: request.headers,
          body: request.body,
        },
        receiving.handler,
      );
    } catch (error) {
      receiving.fail(error as Error);
    }
  });
}

/** What has arrived of one response. */
class Receiving {
  readonly #request: Exchange;
  readonly #resolve: (response: RawResponse) => void;
  readonly #reject: (error: EgressFailure) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #statusText = '';
  #headers: [string, string][] = [];
  #interim = 0;
  #written = false;
  #over = false;
  #controller: Dispatcher.DispatchController | undefined;
  #release: () => void = () => undefined;
  readonly #stopLooking: () => void;

  constructor(request: Exchange, resolve: (response: RawResponse) => void, reject: (error: EgressFailure) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    request.signal.addEventListener('abort', this.#cancelled, { once: true });
    this.#stopLooking = request.onArrival((bytes) => {
      if (this.#status === 0 && bytes > BEFORE_HEAD_BYTES_MAX)
        this.#controller?.abort(limited('the headers of the response are too large'));
      else if (bytes > WIRE_BYTES_MAX) this.#controller?.abort(tooLarge());
    });
  }

  readonly handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => {
      this.#controller = controller;
      if (this.#request.signal.aborted) return this.#cancelled();
      this.#request.mayWrite();
      this.#written = true;
    },
    onResponseStart: (controller, status, _headers, message) => this.#begin(controller, status, message ?? ''),
    onResponseData: (controller, chunk) => {
      this.#bytes += chunk.length;
      if (this.#bytes > EGRESS_BODY_BYTES_MAX) return controller.abort(tooLarge());
      // Copied: a chunk is a view of what was read with it, which may be far more.
      this.#chunks.push(Buffer.from(chunk));
    },
    onResponseEnd: () => {
      this.#finish();
      const body = Buffer.concat(this.#chunks, this.#bytes);
      const [status, statusText, headers] = [this.#status, this.#statusText, this.#headers];
      this.#resolve({ status, statusText, headers, body, release: this.#release });
    },
    onResponseError: (_controller, error) => this.fail(error),
  };

  fail(error: Error): void {
    if (!this.#finish()) return;
    this.#reject(failureOf(error, this.#status, this.#written));
    this.#release();
  }

  #begin(controller: Dispatcher.DispatchController, status: number, message: string): void {
    // What comes before the answer (103 and the like) has no body; the answer itself will come here as well.
    if (status < 200) {
      if (++this.#interim > INTERIM_MAX) controller.abort(limited('the server sends only interim responses'));
      return;
    }
    this.#status = status;
    this.#statusText = message;
    this.#headers = pairsOf(controller.rawHeaders);
    const wanted = bodyBytesOf(this.#request.method, status, this.#headers);
    if (wanted === null) return controller.abort(tooLarge());
    const room = this.#request.reserve(wanted);
    if (typeof room === 'function') return void (this.#release = room);
    controller.pause();
    void room.then((given) => {
      if (given === null) return;
      if (this.#over) return given();
      this.#release = given;
      controller.resume();
    });
  }

  readonly #cancelled = (): void => {
    const reason = cancelled(this.#request.signal);
    this.#controller?.abort(reason);
    this.fail(reason);
  };

  /** False when it was over already. */
  #finish(): boolean {
    const first = !this.#over;
    this.#over = true;
    this.#request.signal.removeEventListener('abort', this.#cancelled);
    this.#stopLooking();
    return first;
  }
}

function failureOf(error: Error, status: number, written: boolean): EgressFailure {
  if (error instanceof EgressFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return limited('the headers of the response are too large');
  if (status === 0) return new NoResponse(written, code ?? error.message);
  return new EgressFailure('ERR_EGRESS_NETWORK', `the response broke off (${code ?? error.message})`);
}

const tooLarge = () => limited(`the response is larger than ${EGRESS_BODY_BYTES_MAX} bytes`);

/** What the body may take here: as long as the server says, else as long as it may be; and once more where it has to be decoded. Null: too much. */
function bodyBytesOf(method: string, status: number, headers: readonly (readonly [string, string])[]): number | null {
  if (method.toUpperCase() === 'HEAD' || status === 204 || status === 304) return 0;
  const valueOf = (wanted: string) => headers.find(([name]) => name === wanted)?.[1];
  const length = valueOf('content-length');
  const announced = length !== undefined && /^\d{1,15}$/.test(length);
  if (announced && Number(length) > EGRESS_BODY_BYTES_MAX) return null;
  return (
    (announced ? Number(length) : EGRESS_BODY_BYTES_MAX) +
    (valueOf('content-encoding') === undefined ? 0 : EGRESS_BODY_BYTES_MAX)
  );
}

function pairsOf(raw: unknown): [string, string][] {
  const list = raw as readonly (Buffer | string)[];
  const text = (part: Buffer | string) => (typeof part === 'string' ? part : part.toString('latin1'));
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([text(list[i]!).toLowerCase(), text(list[i + 1]!)]);
  return pairs;
}
