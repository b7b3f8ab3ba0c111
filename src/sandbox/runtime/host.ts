/**
 * What the prelude holds on to before any user code runs: the hooks of the bootstrap, and functions that user code could replace.
 * Everything that leaves the isolate (requests, log lines, digests) goes through these, never through a looked-up prototype.
 */
import type { Hooks } from './hooks.ts';

if (globalThis.__millrace === undefined) throw new Error('the prelude was evaluated without its hooks');

export const hooks: Hooks = globalThis.__millrace;

type Method<This, Args extends unknown[], Result> = (this: This, ...args: Args) => Result;

/** `uncurry(Array.prototype.push)(array, x)`, independent of what becomes of the prototype. */
export function uncurry<This, Args extends unknown[], Result>(
  method: Method<This, Args, Result>,
): (self: This, ...args: Args) => Result {
  return Function.prototype.call.bind(method) as (self: This, ...args: Args) => Result;
}

export const stringFromCodes = String.fromCharCode;
export const apply = Reflect.apply;
export const ownKeys = Reflect.ownKeys;
const defineProperty = Object.defineProperty;
/** Since 1970, whatever becomes of `Date`. */
export const nowMs = Date.now;
/** What the isolate began with. */
export const OwnDate = Date;
export const isArray = Array.isArray;
export const isView = ArrayBuffer.isView;
export const jsonParse = JSON.parse;
export const jsonStringify = JSON.stringify;
export const lowerCase = uncurry(String.prototype.toLowerCase);
export const upperCase = uncurry(String.prototype.toUpperCase);

/** Adds a global or a member as V8's own are: writable, configurable, not enumerable. */
export function define(target: object, name: string | symbol, value: unknown): void {
  defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

/** `define` on globalThis. The bundler may have renamed what would have hidden a global of the same name: the name is put back. */
export function defineGlobal(name: string, value: unknown): void {
  if (typeof value === 'function' && value.name !== name)
    defineProperty(value, 'name', { value: name, configurable: true });
  define(globalThis, name, value);
}

/** As `defineGlobal`, but made when it is first asked for; assignable like any other. */
export function defineLazyGlobal(name: string, make: () => unknown): void {
  defineProperty(globalThis, name, {
    configurable: true,
    enumerable: false,
    get() {
      const value = make();
      defineGlobal(name, value);
      return value;
    },
    set(value: unknown) {
      define(globalThis, name, value);
    },
  });
}
