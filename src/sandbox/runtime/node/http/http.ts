/** node:http and node:https: clients over the gateway. There is nothing to listen on. */
import { unsupported } from '../unsupported.ts';
import { Agent, SecureAgent } from './agent.ts';
import { ClientRequest } from './client-request.ts';
import { validateHeaderName, validateHeaderValue } from './header-rules.ts';
import { IncomingMessage } from './incoming-message.ts';
import { optionsOf } from './request-options.ts';
import { METHODS, STATUS_CODES } from './words.ts';

type Callback = (response: IncomingMessage) => void;

function functions(module: 'http' | 'https') {
  const request = (input: unknown, options?: unknown, callback?: Callback): ClientRequest => {
    const last = typeof options === 'function' ? (options as Callback) : callback;
    return new ClientRequest(module, optionsOf(input, options), last);
  };
  const get = (input: unknown, options?: unknown, callback?: Callback): ClientRequest => {
    const made = request(input, options, callback);
    made.end();
    return made;
  };
  return { request, get };
}

/** As Node's: a request of http:, for those who make it themselves. */
class PlainRequest extends ClientRequest {
  constructor(input: unknown, options?: unknown, callback?: Callback) {
    const all = optionsOf(input, options);
    const module = all.protocol === 'https:' ? 'https' : 'http';
    super(module, all, typeof options === 'function' ? (options as Callback) : callback);
  }
}
Object.defineProperty(PlainRequest, 'name', { value: 'ClientRequest', configurable: true });

const shared = { ClientRequest: PlainRequest, IncomingMessage };

export const http = unsupported('http', {
  ...functions('http'),
  ...shared,
  Agent,
  globalAgent: new Agent({ keepAlive: true, timeout: 5000 }),
  METHODS,
  STATUS_CODES,
  maxHeaderSize: 16_384,
  validateHeaderName,
  validateHeaderValue,
  setMaxIdleHTTPParsers: () => undefined,
});

export const https = unsupported('https', {
  ...functions('https'),
  Agent: SecureAgent,
  globalAgent: new SecureAgent({ keepAlive: true, timeout: 5000 }),
});
