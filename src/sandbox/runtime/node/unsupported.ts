/**
 * What a sandbox cannot have. Importing works, because packages import more than they use; a use says in one sentence what it was and
 * what there is instead.
 */
import { nodeError } from '../errors.ts';

const INSTEAD: Record<string, string> = {
  fs: 'the files of the sandbox are its own, below /tmp, and nobody else changes them',
  child_process: 'there are no processes in the sandbox',
  cluster: 'there are no processes in the sandbox',
  worker_threads: 'there are no threads in the sandbox',
  net: 'there are no sockets in the sandbox: use fetch, to hosts that network.allow lists',
  tls: 'there are no sockets in the sandbox: use fetch, to hosts that network.allow lists',
  dgram: 'there are no sockets in the sandbox: use fetch, to hosts that network.allow lists',
  http: 'a handler sends requests, and is not called',
  https: 'a handler sends requests, and is not called',
  http2: 'there are no sockets in the sandbox: use fetch, to hosts that network.allow lists',
  undici: 'it has no sockets of its own in the sandbox: use fetch or request',
  dns: 'names are resolved by fetch alone',
};

/** Keys that loaders and inspectors look at: an absent one must read as absent. */
const PLAIN = new Set<string | symbol>([
  'then',
  '__esModule',
  'default',
  'toJSON',
  'constructor',
  'prototype',
  'inspect',
  'length',
  'name',
]);

export function refusal(module: string, member: string): Error {
  const why = INSTEAD[module.split('/')[0]!] ?? 'this part of Node is not available in the sandbox';
  return nodeError(
    Error,
    'ERR_MILLRACE_UNSUPPORTED',
    `${module === 'undici' ? '' : 'node:'}${module}: ${member} cannot be used: ${why}.`,
  );
}

function refuse(module: string, member: string): unknown {
  const fail = () => {
    throw refusal(module, member);
  };
  // A class that can be extended at import time, and called, constructed or asked for a member only to be refused.
  return new Proxy(function () {}, {
    apply: fail,
    construct: fail,
    get(target, key) {
      if (key === 'prototype') return target.prototype as unknown;
      return typeof key === 'symbol' || PLAIN.has(key) ? Reflect.get(target, key) : refuse(module, `${member}.${key}`);
    },
  });
}

/**
 * `present` as it is; anything else of the module exists and is refused on use. The refusals hang on the prototype, because a bundler's
 * copy of a module (for named imports) takes over own members and the prototype.
 */
export function unsupported<T extends object>(module: string, present: T): T {
  const made = new Map<string, unknown>();
  const prototype = new Proxy(Object.prototype, {
    get(target, key, receiver) {
      if (typeof key === 'symbol' || PLAIN.has(key) || Reflect.has(target, key))
        return Reflect.get(target, key, receiver) as unknown;
      if (!made.has(key)) made.set(key, refuse(module, key));
      return made.get(key);
    },
    // The prototype is the real Object.prototype behind the proxy: nothing may be written through it.
    set: (_target, key, value, receiver) =>
      Reflect.defineProperty(receiver as object, key, { value, writable: true, configurable: true, enumerable: true }),
    defineProperty: () => false,
    deleteProperty: () => false,
    setPrototypeOf: () => false,
  });
  return Object.setPrototypeOf(present, prototype) as T;
}
