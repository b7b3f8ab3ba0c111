/**
 * Takes away what leads around the memory limit or out of the timed call (measured: 2.1 GB by WebAssembly, 1 GB by a resizable buffer
 * with a limit of 64 MB; a finaliser runs after the invocation). Runs before everything else in the isolate.
 */
import { defineProperty, install, NativeTypeError, reflectConstruct } from './primordials.ts';

export function hardenGlobals(): void {
  for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'console'])
    Reflect.deleteProperty(globalThis, name);
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
  const Fixed = function ArrayBuffer(length: number): ArrayBuffer {
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
  install(Fixed, 'isView', Native.isView);
  Object.defineProperty(Fixed, Symbol.species, Object.getOwnPropertyDescriptor(Native, Symbol.species)!);
  install(proto, 'constructor', Fixed);
  install(globalThis, 'ArrayBuffer', Fixed);
}

/** Same shape as the built-ins. A reference that holds strongly is correct (nothing promises collection), and nothing runs later. */
function strongRefs(): void {
  const held = new WeakMap<object, unknown>();
  const get = held.get.bind(held);
  const set = held.set.bind(held);
  class WeakRef {
    constructor(target: unknown) {
      if ((typeof target !== 'object' || target === null) && typeof target !== 'function' && typeof target !== 'symbol')
        throw new NativeTypeError('WeakRef: target must be an object');
      set(this, target);
    }
    deref(): unknown {
      return get(this);
    }
  }
  class FinalizationRegistry {
    constructor(cleanup: unknown) {
      if (typeof cleanup !== 'function') throw new NativeTypeError('FinalizationRegistry: cleanup must be callable');
    }
    register(): void {}
    unregister(): boolean {
      return false;
    }
  }
  for (const made of [WeakRef, FinalizationRegistry]) {
    install(globalThis, made.name, made);
    defineProperty(made.prototype, Symbol.toStringTag, {
      __proto__: null,
      value: made.name,
      configurable: true,
    } as PropertyDescriptor);
  }
}
