/** structuredClone, HTML standard, for what exists in an isolate: data, dates, regular expressions, maps, sets, errors, buffers. */
import { OwnDate } from './host.ts';
import { DOMException } from './dom-exception.ts';

const ERROR_CLASSES = new Map<string, ErrorConstructor>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((known) => [
    known.name,
    known as ErrorConstructor,
  ]),
);
const tagOf = (value: object) => Object.prototype.toString.call(value).slice(8, -1);

export function structuredClone(value: unknown, options: { transfer?: readonly unknown[] } = {}): unknown {
  const seen = new Map<object, unknown>();
  const clone = copy(value, seen);
  // What is transferred is copied: nothing in the isolate may let go of a buffer (isolate/harden.ts).
  for (const moved of options?.transfer ?? []) if (!(moved instanceof ArrayBuffer)) throw uncloneable(moved);
  return clone;
}

function uncloneable(value: unknown): DOMException {
  const text =
    typeof value === 'symbol' ? value.toString() : typeof value === 'function' ? value.name || 'function' : '#<Object>';
  return new DOMException(`${text} could not be cloned.`, 'DataCloneError');
}

function copy(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw uncloneable(value);
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const special = copySpecial(value, seen);
  if (special !== undefined) return special;
  const target: Record<string, unknown> = Array.isArray(value) ? (new Array(value.length) as never) : {};
  seen.set(value, target);
  for (const key of Object.keys(value)) {
    const item = copy((value as Record<string, unknown>)[key], seen);
    Object.defineProperty(target, key, { value: item, writable: true, enumerable: true, configurable: true });
  }
  return target;
}

function remember<T extends object>(value: object, made: T, seen: Map<object, unknown>): T {
  seen.set(value, made);
  return made;
}

function copySpecial(value: object, seen: Map<object, unknown>): object | undefined {
  if (Array.isArray(value)) return undefined;
  if (value instanceof Map) {
    const made = remember(value, new Map(), seen);
    for (const [key, item] of [...value]) made.set(copy(key, seen), copy(item, seen));
    return made;
  }
  if (value instanceof Set) {
    const made = remember(value, new Set(), seen);
    for (const item of [...value]) made.add(copy(item, seen));
    return made;
  }
  if (value instanceof ArrayBuffer) return remember(value, value.slice(0), seen);
  if (ArrayBuffer.isView(value)) return remember(value, copyView(value, seen), seen);
  if (value instanceof Error) return copyError(value, seen);
  switch (tagOf(value)) {
    case 'Date':
      return remember(value, new OwnDate(Number(value)), seen);
    case 'RegExp':
      return remember(value, new RegExp((value as RegExp).source, (value as RegExp).flags), seen);
    case 'Boolean':
    case 'Number':
    case 'String':
    case 'BigInt':
      return remember(value, Object(value.valueOf()) as object, seen);
    case 'Promise':
    case 'WeakMap':
    case 'WeakSet':
    case 'WeakRef':
    case 'Symbol':
      throw uncloneable(value);
    default:
      return undefined;
  }
}

function copyView(value: ArrayBufferView, seen: Map<object, unknown>): ArrayBufferView {
  const buffer = copy(value.buffer, seen) as ArrayBuffer;
  if (value instanceof DataView) return new DataView(buffer, value.byteOffset, value.byteLength);
  const tag = (value as Uint8Array)[Symbol.toStringTag];
  const Class = (globalThis as unknown as Record<string, new (b: ArrayBuffer, o: number, l: number) => Uint8Array>)[
    tag
  ]!;
  return new Class(buffer, value.byteOffset, (value as Uint8Array).length);
}

function copyError(value: Error, seen: Map<object, unknown>): Error {
  const Class = ERROR_CLASSES.get(value.name) ?? Error;
  const made = remember(value, Object.create(Class.prototype) as Error, seen);
  const fields: [string, unknown][] = [
    ['stack', value.stack],
    ['message', value.message],
  ];
  if ('cause' in value) fields.push(['cause', copy(value.cause, seen)]);
  for (const [name, item] of fields) {
    if (item !== undefined)
      Object.defineProperty(made, name, { value: item, writable: true, configurable: true, enumerable: false });
  }
  return made;
}
