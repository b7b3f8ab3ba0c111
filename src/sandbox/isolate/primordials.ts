/**
 * The built-ins as they were before any user code ran. Everything in this directory uses these, so that a handler which replaces
 * JSON.stringify or pollutes a prototype changes nothing about how its invocation is run and reported.
 * Rules here: objects with a null prototype, no array or string methods, no iteration, no spread of user values.
 */
export const reflectApply = Reflect.apply;
export const reflectConstruct = Reflect.construct;
const prototypeOf = Reflect.getPrototypeOf;
export const defineProperty = Reflect.defineProperty;
export const stringify = JSON.stringify;
export const parse = JSON.parse;
export const stringOf = String;
export const dateNow = Date.now;
export const floor = Math.floor;
export const numberIsFinite = Number.isFinite;
export const fromCharCode = String.fromCharCode;
export const NativeError = Error;
export const NativeTypeError = TypeError;
export const NativeRangeError = RangeError;
export const NativeUint8Array = Uint8Array;
export const NativePromise = Promise;

const stringSliceFn = String.prototype.slice;
const stringIndexOfFn = String.prototype.indexOf;
const charCodeAtFn = String.prototype.charCodeAt;
const objectToString = Object.prototype.toString;
const promisePrototype = Promise.prototype;
const promiseThen = promisePrototype.then;

export const stringSlice = (text: string, from: number, to?: number): string =>
  reflectApply(stringSliceFn, text, [from, to]);
export const stringIndexOf = (text: string, what: string, from = 0): number =>
  reflectApply(stringIndexOfFn, text, [what, from]);
export const charCodeAt = (text: string, at: number): number => reflectApply(charCodeAtFn, text, [at]);
export const tagOf = (value: unknown): string => reflectApply(objectToString, value, []);
// Not called `then`: a module with such an export counts as a promise where it is imported dynamically.
export const onceFulfilled = (promise: Promise<unknown>, ok: (value: unknown) => void): void => {
  void reflectApply(promiseThen, promise, [ok]);
};

/** A promise of the language itself, as async functions return it; what hangs on its prototype by now does not matter. */
export const isNativePromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && prototypeOf(value) === promisePrototype;

/** `await` takes a promise as it is if this is its constructor; else it calls a `then` that user code may have replaced. */
export const sealConstructor = (promise: Promise<unknown>): void => {
  defineProperty(promise, 'constructor', { __proto__: null, value: NativePromise } as PropertyDescriptor);
};

/** Defines a property as built-ins have it: writable, configurable, not enumerable. */
export function install(target: object, name: PropertyKey, value: unknown): void {
  defineProperty(target, name, {
    __proto__: null,
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  } as PropertyDescriptor);
}

/** A function with a built-in's looks: its name, no own prototype. */
export function named<F extends (...args: never[]) => unknown>(name: string, fn: F): F {
  defineProperty(fn, 'name', { __proto__: null, value: name, configurable: true } as PropertyDescriptor);
  return fn;
}
