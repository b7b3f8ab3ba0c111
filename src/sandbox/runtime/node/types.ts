/** node:util/types. */

const tag = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);
const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)!.get!;

/** True when the getter or method of the class accepts the value: a look at the real brand. */
function branded(probe: (value: never) => unknown) {
  return (value: unknown): boolean => {
    try {
      probe(value as never);
      return true;
    } catch {
      return false;
    }
  };
}

const getter = (Class: { prototype: object }, name: string) => {
  const get = Object.getOwnPropertyDescriptor(Class.prototype, name)!.get!;
  return branded((value: object) => get.call(value) as unknown);
};
const method = (fn: (this: never, arg: never) => unknown) =>
  branded((value: object) => fn.call(value as never, {} as never));
const typed = (name: string) => (value: unknown) => typedArrayTag.call(value) === name;
const constructorTag = (name: string) => (value: unknown) => typeof value === 'function' && tag(value) === name;
const boxed = (Class: { prototype: { valueOf(): unknown } }) => {
  const { valueOf } = Class.prototype;
  const accepts = branded((value: object) => valueOf.call(value));
  return (value: unknown) => typeof value === 'object' && value !== null && accepts(value);
};

const isNumberObject = boxed(Number);
const isStringObject = boxed(String);
const isBooleanObject = boxed(Boolean);
const isBigIntObject = boxed(BigInt);
const isSymbolObject = boxed(Symbol);

export const types = {
  isDate: branded((value: Date) => Date.prototype.getTime.call(value)),
  isRegExp: (value: unknown) => tag(value) === 'RegExp',
  isMap: getter(Map, 'size'),
  isSet: getter(Set, 'size'),
  isWeakMap: method(WeakMap.prototype.has as never),
  isWeakSet: method(WeakSet.prototype.has as never),
  isPromise: (value: unknown) => value instanceof Promise || tag(value) === 'Promise',
  isNativeError: (value: unknown) => value instanceof Error || tag(value) === 'Error',
  isAsyncFunction: constructorTag('AsyncFunction'),
  isGeneratorFunction: (value: unknown) => typeof value === 'function' && /GeneratorFunction$/.test(tag(value)),
  isGeneratorObject: (value: unknown) => /Generator$/.test(tag(value)),
  isMapIterator: (value: unknown) => tag(value) === 'Map Iterator',
  isSetIterator: (value: unknown) => tag(value) === 'Set Iterator',
  isArrayBuffer: getter(ArrayBuffer, 'byteLength'),
  isAnyArrayBuffer: getter(ArrayBuffer, 'byteLength'),
  isSharedArrayBuffer: () => false,
  isArrayBufferView: ArrayBuffer.isView,
  isDataView: getter(DataView, 'byteLength'),
  isTypedArray: (value: unknown) => typedArrayTag.call(value) !== undefined,
  isUint8Array: typed('Uint8Array'),
  isUint8ClampedArray: typed('Uint8ClampedArray'),
  isUint16Array: typed('Uint16Array'),
  isUint32Array: typed('Uint32Array'),
  isInt8Array: typed('Int8Array'),
  isInt16Array: typed('Int16Array'),
  isInt32Array: typed('Int32Array'),
  isFloat32Array: typed('Float32Array'),
  isFloat64Array: typed('Float64Array'),
  isBigInt64Array: typed('BigInt64Array'),
  isBigUint64Array: typed('BigUint64Array'),
  isNumberObject,
  isStringObject,
  isBooleanObject,
  isBigIntObject,
  isSymbolObject,
  isBoxedPrimitive: (value: unknown) =>
    isNumberObject(value) ||
    isStringObject(value) ||
    isBooleanObject(value) ||
    isBigIntObject(value) ||
    isSymbolObject(value),
  // A proxy cannot be told from its target from inside.
  isProxy: () => false,
  isExternal: () => false,
  isArgumentsObject: (value: unknown) => tag(value) === 'Arguments',
  isModuleNamespaceObject: (value: unknown) => tag(value) === 'Module',
};
