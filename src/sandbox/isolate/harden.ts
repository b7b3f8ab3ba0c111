/**
 * Takes away what leads around the memory limit or out of the timed call (measured: 2.1 GB by WebAssembly, 1 GB by a resizable buffer
 * with a limit of 64 MB; a finaliser runs after the invocation). Runs before everything else in the isolate.
 */
import { defineProperty, install, named, NativeTypeError, reflectConstruct } from './primordials.ts';

export function hardenGlobals(): void {
  for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'console'])
    Reflect.deleteProperty(globalThis, name);
  // Node takes it away as well: a remnant from before Intl.Segmenter.
  Reflect.deleteProperty(Intl, 'v8BreakIterator');
  fixedBuffers();
  strongRefs();
  Object.defineProperty(globalThis, 'global', {
    value: globalThis,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

/** `new ArrayBuffer(n, { maxByteLength })` reserves outside of the limit; transfer(n) grows past the allocator's count. */
function fixedBuffers(): void {
  const Native = ArrayBuffer;
  const proto = Native.prototype;
  for (const name of ['resize', 'resizable', 'maxByteLength', 'transfer', 'transferToFixedLength', 'detached'])
    Reflect.deleteProperty(proto, name);
  const Fixed = function (length: number): ArrayBuffer {
    if (new.target === undefined) throw new NativeTypeError("Constructor ArrayBuffer requires 'new'");
    return reflectConstruct(Native, [length], new.target) as ArrayBuffer;
  };
  defineProperty(Fixed, 'prototype', {
    __proto__: null,
    value: proto,
    writable: false,
    enumerable: false,
    configurable: false,
  } as PropertyDescriptor);
  named('ArrayBuffer', Fixed as unknown as (...args: never[]) => unknown);
  install(Fixed, 'isView', Native.isView);
  Object.defineProperty(Fixed, Symbol.species, Object.getOwnPropertyDescriptor(Native, Symbol.species)!);
  install(proto, 'constructor', Fixed);
  install(globalThis, 'ArrayBuffer', Fixed);
}

/**
 * Same shape as the built-ins. A reference that holds strongly is correct (nothing promises collection), and nothing runs later. Names are
 * given as texts: those of classes do not outlive minification.
 */
function strongRefs(): void {
  const held = new WeakMap<object, unknown>();
  const get = held.get.bind(held);
  const set = held.set.bind(held);
  replace(
    'WeakRef',
    class {
      constructor(target: unknown) {
        if (
          (typeof target !== 'object' || target === null) &&
          typeof target !== 'function' &&
          typeof target !== 'symbol'
        )
          throw new NativeTypeError('WeakRef: target must be an object');
        set(this, target);
      }
      deref(): unknown {
        return get(this);
      }
    },
  );
  replace(
    'FinalizationRegistry',
    class {
      constructor(cleanup: unknown) {
        if (typeof cleanup !== 'function') throw new NativeTypeError('FinalizationRegistry: cleanup must be callable');
      }
      register(): void {}
      unregister(): boolean {
        return false;
      }
    },
  );
}

function replace(name: string, made: new (...args: never[]) => object): void {
  defineProperty(made, 'name', { __proto__: null, value: name, configurable: true } as PropertyDescriptor);
  defineProperty(made.prototype, Symbol.toStringTag, {
    __proto__: null,
    value: name,
    configurable: true,
  } as PropertyDescriptor);
  install(globalThis, name, made);
}
