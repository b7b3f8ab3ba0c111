/** fetch: builds the request from captured functions, hands it to the host, and makes of the answer what the standard has. */
import type { FetchErrorHead, FetchRequestHead, FetchResponseHead } from '../hooks.ts';
import { takeBody } from './body.ts';
import { pairsOf } from './headers.ts';
import { Request, type RequestInit, type Response, receiveResponse } from './messages.ts';
import { cancelRequest, sendRequest } from './send.ts';

function failure(head: FetchErrorHead): TypeError {
  const cause = new Error(head.message) as Error & { code?: string };
  cause.name = head.name;
  cause.code = head.code;
  return new TypeError('fetch failed', { cause });
}

/** Rejects with TypeError 'fetch failed' and the reason as its cause, or with the signal's reason. */
export async function fetch(input: unknown, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const { signal } = request;
  signal.throwIfAborted();
  const body = await takeBody(request);
  signal.throwIfAborted();
  const head: FetchRequestHead = {
    method: request.method,
    url: request.url,
    headers: pairsOf(request.headers),
    redirect: request.redirect,
  };
  return new Promise<Response>((resolve, reject) => {
    const aborted = () => {
      cancelRequest(id);
      reject(signal.reason as Error);
    };
    const settled = (error: FetchErrorHead | null, answer: FetchResponseHead | null, bytes: Uint8Array): void => {
      signal.removeEventListener('abort', aborted);
      if (error !== null || answer === null)
        reject(failure(error ?? { name: 'Error', message: 'no answer', code: 'ERR' }));
      else resolve(receiveResponse(answer, bytes));
    };
    let id = 0;
    try {
      id = sendRequest(head, body, settled);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      // A bound of the invocation, reported as the gateway reports its own.
      throw code === 'ERR_EGRESS_LIMIT' ? failure({ name: 'EgressLimit', message, code }) : error;
    }
    signal.addEventListener('abort', aborted, { once: true });
  });
}
