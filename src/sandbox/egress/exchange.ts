/** One request and its response on one connection. */
import type { Client, Dispatcher } from 'undici';
import { EGRESS_BODY_BYTES_MAX } from '../../limits.ts';
import { EgressFailure, limited } from './failure.ts';

export interface Exchange {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer | null;
  readonly signal: AbortSignal;
  /** Called synchronously right before the first byte is written; what it throws is the outcome, and nothing is written. */
  readonly mayWrite: () => void;
}

export interface RawResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: [string, string][];
  readonly body: Buffer;
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
    let status = 0;
    let written = false;
    let statusText = '';
    let headers: [string, string][] = [];
    let bytes = 0;
    const chunks: Buffer[] = [];
    let abort: ((reason: Error) => void) | undefined;
    const aborted = () => {
      const reason = new EgressFailure('ERR_EGRESS_NETWORK', 'the request was cancelled');
      abort?.(reason);
      finish(() => reject(reason));
    };
    const finish = (act: () => void) => {
      request.signal.removeEventListener('abort', aborted);
      act();
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        abort = (reason) => controller.abort(reason);
        if (request.signal.aborted) return aborted();
        request.mayWrite();
        written = true;
      },
      onResponseStart(_controller, code, _headers, message) {
        status = code;
        statusText = message ?? '';
        headers = pairsOf(_controller.rawHeaders);
      },
      onResponseData(controller, chunk) {
        bytes += chunk.length;
        if (bytes > EGRESS_BODY_BYTES_MAX) {
          controller.abort(limited(`the response is larger than ${EGRESS_BODY_BYTES_MAX} bytes`));
          return;
        }
        chunks.push(chunk);
      },
      onResponseEnd: () => finish(() => resolve({ status, statusText, headers, body: Buffer.concat(chunks, bytes) })),
      onResponseError: (_controller, error) => finish(() => reject(failureOf(error, status, written))),
    };
    request.signal.addEventListener('abort', aborted, { once: true });
    try {
      client.dispatch(
        {
          method: request.method as Dispatcher.HttpMethod,
          path: request.path,
          headers: request.headers,
          body: request.body,
        },
        handler,
      );
    } catch (error) {
      finish(() => reject(failureOf(error as Error, status, written)));
    }
  });
}

function failureOf(error: Error, status: number, written: boolean): EgressFailure {
  if (error instanceof EgressFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return limited('the headers of the response are too large');
  if (status === 0) return new NoResponse(written, code ?? error.message);
  return new EgressFailure('ERR_EGRESS_NETWORK', `the response broke off (${code ?? error.message})`);
}

function pairsOf(raw: unknown): [string, string][] {
  const list = raw as readonly (Buffer | string)[];
  const text = (part: Buffer | string) => (typeof part === 'string' ? part : part.toString('latin1'));
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([text(list[i]!).toLowerCase(), text(list[i + 1]!)]);
  return pairs;
}
