/** node:util. Types by brand where V8 lets us see it, else by what only such a thing can do. */
import { invalidArgument } from '../errors.ts';
import { TextDecoder, TextEncoder } from '../text-encoding.ts';
import { deepEqual } from './deep-equal.ts';
import { format, inspect } from './inspect.ts';
import { types } from './types.ts';
import { callSites } from './call-sites.ts';
import { unsupported } from './unsupported.ts';

type Fn = (...args: unknown[]) => unknown;
const customPromisify = Symbol.for('nodejs.util.promisify.custom');

export function promisify(original: Fn): Fn {
  if (typeof original !== 'function') throw invalidArgument('original', 'of type function', original);
  const custom = (original as unknown as Record<symbol, Fn | undefined>)[customPromisify];
  if (custom !== undefined) return custom;
  const promised = function (this: unknown, ...args: unknown[]) {
    return new Promise((resolve, reject) => {
      original.call(this, ...args, (error: unknown, value: unknown) =>
        error ? reject(error as Error) : resolve(value),
      );
    });
  };
  return Object.setPrototypeOf(promised, Object.getPrototypeOf(original) as object) as Fn;
}
promisify.custom = customPromisify;

function callbackify(original: (...args: unknown[]) => Promise<unknown>): Fn {
  return function (this: unknown, ...args: unknown[]) {
    const done = args.pop() as Fn;
    original.apply(this, args).then(
      (value) => void setTimeout(() => done(null, value), 0),
      (reason: unknown) =>
        void setTimeout(() => done(reason ?? new Error('Promise was rejected with a falsy value')), 0),
    );
  };
}

function inherits(constructor: Fn & { super_?: unknown }, parent: Fn): void {
  constructor.super_ = parent;
  Object.setPrototypeOf(constructor.prototype, parent.prototype as object);
}

const warned = new Set<string>();

function deprecate<T extends Fn>(fn: T, message: string, code = message): T {
  const wrapped = function (this: unknown, ...args: unknown[]) {
    if (!warned.has(code)) {
      warned.add(code);
      console.warn(`DeprecationWarning: ${message}`);
    }
    return new.target ? (Reflect.construct(fn, args, new.target) as unknown) : fn.apply(this, args);
  };
  return Object.setPrototypeOf(wrapped, fn) as T;
}

function debuglog(section: string): Fn & { enabled: boolean } {
  const enabled = () => {
    const wanted = (globalThis.process as { env?: Record<string, string> } | undefined)?.env?.['NODE_DEBUG'] ?? '';
    return wanted.toUpperCase().split(',').includes(section.toUpperCase());
  };
  const log = (...args: unknown[]) => {
    if (enabled()) console.error(`${section.toUpperCase()} ${format(...args)}`);
  };
  return Object.defineProperty(log, 'enabled', { get: enabled }) as unknown as Fn & { enabled: boolean };
}

const ESCAPES = /[\x1b\x9b][[\]()#;?]*(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~])/g;

export const util = unsupported('util', {
  inspect,
  format,
  formatWithOptions: (_options: unknown, ...args: unknown[]) => format(...args),
  promisify,
  callbackify,
  inherits,
  deprecate,
  debuglog,
  debug: debuglog,
  getCallSites: (count?: number) => callSites(count),
  types,
  isDeepStrictEqual: (a: unknown, b: unknown) => deepEqual(a, b, true),
  isArray: Array.isArray,
  stripVTControlCharacters: (text: unknown) => String(text).replace(ESCAPES, ''),
  styleText: (_style: unknown, text: string) => text,
  toUSVString: (text: unknown) => String(text).toWellFormed(),
  TextEncoder,
  TextDecoder,
  _extend: (target: object, source: object | null) => Object.assign(target, source),
  aborted: (signal: AbortSignal) =>
    new Promise<void>((resolve) =>
      signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
    ),
});
