/**
 * The package undici, for functions that import it: it speaks through sockets of its own, which the isolate does not have. Here is its
 * fetch, which is ours, its `request` over the gateway, and its dispatchers as far as they only say where to.
 */
import { fetch } from '../fetch/fetch.ts';
import { FormData } from '../fetch/form-data.ts';
import { Headers } from '../fetch/headers.ts';
import { Request, Response } from '../fetch/messages.ts';
import { EventEmitter } from '../node/events.ts';
import { refusal, unsupported } from '../node/unsupported.ts';
import { URL } from '../url/url.ts';
import { errors } from './errors.ts';
import { request, type RequestOptions } from './request.ts';

type DispatchOptions = RequestOptions & { readonly origin?: unknown; readonly path?: string };
type Callback = (error: unknown, response: unknown) => void;

/** Connections are the gateway's: options about them are accepted and say nothing. */
class Dispatcher extends EventEmitter {
  readonly #origin: string | null;
  closed = false;
  destroyed = false;
  constructor(origin: string | null = null) {
    super();
    this.#origin = origin;
  }
  request(options: DispatchOptions, callback?: Callback): Promise<object> | void {
    const { path = '/', ...rest } = options;
    const origin = this.#origin ?? options.origin;
    const answer =
      this.closed || this.destroyed
        ? Promise.reject(new errors.ClientDestroyedError('The client is destroyed'))
        : origin === undefined || origin === null
          ? Promise.reject(new errors.InvalidArgumentError('opts.origin must be a non-empty string or URL.'))
          : request(new URL(path, String(origin)), rest);
    if (callback === undefined) return answer;
    answer.then(
      (response) => callback(null, response),
      (error: unknown) => callback(error, null),
    );
    return undefined;
  }
  async close(done?: () => void): Promise<void> {
    this.closed = true;
    done?.();
  }
  async destroy(): Promise<void> {
    this.closed = this.destroyed = true;
  }
}

for (const name of ['dispatch', 'stream', 'pipeline', 'connect', 'upgrade', 'compose']) {
  const refuse = () => {
    throw refusal('undici', `${name}()`);
  };
  Object.defineProperty(Dispatcher.prototype, name, { value: refuse, writable: true, configurable: true });
}

class Client extends Dispatcher {
  constructor(origin: unknown) {
    super(new URL(String(origin)).origin);
  }
}
class Pool extends Client {}
class Agent extends Dispatcher {
  constructor(_options?: object) {
    super();
  }
}

let globalDispatcher: unknown = null;

export const undici = unsupported('undici', {
  fetch: (input: unknown, init?: object) => fetch(input, init),
  Headers,
  Request,
  Response,
  FormData,
  request: (input: unknown, options?: RequestOptions & { dispatcher?: unknown }) => request(input, options),
  Dispatcher,
  Client,
  Pool,
  Agent,
  errors,
  getGlobalDispatcher: () => (globalDispatcher ??= new Agent()),
  setGlobalDispatcher(dispatcher: unknown) {
    if (!(dispatcher instanceof Dispatcher))
      throw new errors.InvalidArgumentError('Argument agent must implement Agent');
    globalDispatcher = dispatcher;
  },
  getGlobalOrigin: () => undefined,
  install: () => undefined,
});
