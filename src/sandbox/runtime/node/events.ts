/** node:events. EventEmitter is a function, not a class, because old packages call it without `new`. */
import { invalidArgument, nodeError } from '../errors.ts';
import type { Emitter, Listener } from './emitter.ts';
import { addAbortListener, getEventListeners, on, once } from './event-waiting.ts';
import { inspect } from './inspect.ts';

interface Entry {
  readonly call: Listener;
  readonly original: Listener;
}

interface EventEmitterClass {
  new (options?: { captureRejections?: boolean }): Emitter;
  (this: unknown, options?: { captureRejections?: boolean }): void;
  prototype: Emitter;
  defaultMaxListeners: number;
  captureRejections: boolean;
}

const errorMonitor = Symbol('events.errorMonitor');
const captureRejectionSymbol = Symbol.for('nodejs.rejection');

/** Beside the object, so that emitters look empty when printed and may be frozen. */
const tables = new WeakMap<object, Map<PropertyKey, Entry[]>>();
const maxima = new WeakMap<object, number>();
const capturing = new WeakSet<object>();

function tableOf(emitter: object): Map<PropertyKey, Entry[]> {
  let table = tables.get(emitter);
  if (table === undefined) tables.set(emitter, (table = new Map()));
  return table;
}

type Wrapped = Listener & { listener?: Listener };

function checked(listener: unknown): asserts listener is Listener {
  if (typeof listener !== 'function') throw invalidArgument('listener', 'of type function', listener);
}

function add(emitter: Emitter, name: PropertyKey, call: Wrapped, first: boolean): void {
  checked(call);
  const original = call.listener ?? call;
  const table = tableOf(emitter);
  if (table.has('newListener')) emitter.emit('newListener', name, original);
  const there = table.get(name) ?? [];
  table.set(name, first ? [{ call, original }, ...there] : [...there, { call, original }]);
}

function wrapOnce(emitter: Emitter, name: PropertyKey, original: Listener): Listener {
  checked(original);
  const call: Wrapped = (...args) => {
    remove(emitter, name, call);
    return original.apply(emitter, args);
  };
  call.listener = original;
  return call;
}

function remove(emitter: Emitter, name: PropertyKey, listener: Listener): void {
  const table = tableOf(emitter);
  const there = table.get(name);
  const at = there?.findLastIndex((entry) => entry.call === listener || entry.original === listener) ?? -1;
  if (there === undefined || at < 0) return;
  const left = there.filter((_, i) => i !== at);
  if (left.length === 0) table.delete(name);
  else table.set(name, left);
  if (table.has('removeListener')) emitter.emit('removeListener', name, there[at]!.original);
}

/** As in Node each listener is taken away by itself where somebody listens to removals, the last one first. */
function removeAll(emitter: Emitter, names: readonly PropertyKey[]): void {
  const table = tableOf(emitter);
  if (!table.has('removeListener')) {
    if (names.length === 0) table.clear();
    else table.delete(names[0]!);
    return;
  }
  const wanted = names.length > 0 ? names : [...table.keys()].filter((name) => name !== 'removeListener');
  for (const name of wanted)
    for (const entry of [...(table.get(name) ?? [])].reverse()) remove(emitter, name, entry.call);
  if (names.length === 0) table.clear();
}

export const EventEmitter: EventEmitterClass = function EventEmitter(
  this: object | undefined,
  options?: { captureRejections?: boolean },
) {
  if (this !== undefined && (options?.captureRejections ?? events.captureRejections)) capturing.add(this);
} as unknown as EventEmitterClass;

function unheard(error: unknown): Error {
  if (error instanceof Error) return error;
  const made = nodeError(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${inspect(error)})`);
  return Object.assign(made, { context: error });
}

/** The promise of an async listener, for emitters that want their rejections as events. */
function capture(emitter: Emitter, name: PropertyKey, args: readonly unknown[], result: unknown): void {
  const then = (result as { then?: unknown } | null | undefined)?.then;
  if (typeof then !== 'function') return;
  const rejected = (error: unknown) => {
    const own = (emitter as unknown as Record<symbol, unknown>)[captureRejectionSymbol];
    if (typeof own === 'function') own.call(emitter, error, name, ...args);
    else {
      // Or a listener of 'error' that rejects would be called for ever.
      capturing.delete(emitter);
      try {
        emitter.emit('error', error);
      } finally {
        capturing.add(emitter);
      }
    }
  };
  then.call(result, undefined, (error: unknown) => void setImmediate(rejected, error));
}

const methods: Record<string, (this: Emitter, ...args: never[]) => unknown> = {
  on(name: PropertyKey, listener: Listener) {
    add(this, name, listener, false);
    return this;
  },
  once(name: PropertyKey, listener: Listener) {
    // By `on`, which streams override.
    return this.on(name, wrapOnce(this, name, listener));
  },
  prependListener(name: PropertyKey, listener: Listener) {
    add(this, name, listener, true);
    return this;
  },
  prependOnceListener(name: PropertyKey, listener: Listener) {
    return this.prependListener(name, wrapOnce(this, name, listener));
  },
  removeListener(name: PropertyKey, listener: Listener) {
    remove(this, name, listener);
    return this;
  },
  removeAllListeners(...names: PropertyKey[]) {
    removeAll(this, names);
    return this;
  },
  emit(name: PropertyKey, ...args: unknown[]) {
    const table = tableOf(this);
    if (name === 'error' && table.has(errorMonitor)) this.emit(errorMonitor, ...args);
    const entries = table.get(name);
    if (entries === undefined) {
      if (name !== 'error') return false;
      throw unheard(args[0]);
    }
    const captures = capturing.has(this);
    for (const entry of entries) {
      const result = entry.call.apply(this, args);
      if (captures && result !== undefined) capture(this, name, args, result);
    }
    return true;
  },
  listeners(name: PropertyKey) {
    return (tableOf(this).get(name) ?? []).map((entry) => entry.original);
  },
  rawListeners(name: PropertyKey) {
    return (tableOf(this).get(name) ?? []).map((entry) => entry.call);
  },
  listenerCount(name: PropertyKey, listener?: Listener) {
    const entries = tableOf(this).get(name) ?? [];
    return listener === undefined ? entries.length : entries.filter((one) => one.original === listener).length;
  },
  eventNames() {
    return [...tableOf(this).keys()];
  },
  setMaxListeners(count: number) {
    maxima.set(this, count);
    return this;
  },
  getMaxListeners() {
    return maxima.get(this) ?? EventEmitter.defaultMaxListeners;
  },
};
methods['addListener'] = methods['on']!;
methods['off'] = methods['removeListener']!;
Object.assign(EventEmitter.prototype, methods);

type Target = Emitter | EventTarget;

/** The module is the class, with its functions on it, as in Node. */
export const events = Object.assign(EventEmitter, {
  EventEmitter,
  defaultMaxListeners: 10,
  errorMonitor,
  captureRejectionSymbol,
  captureRejections: false,
  usingDomains: false,
  once,
  on,
  addAbortListener,
  getEventListeners,
  getMaxListeners: (target: Target) => ('getMaxListeners' in target ? target.getMaxListeners() : 0),
  setMaxListeners(count: number, ...targets: Target[]) {
    for (const target of targets) if ('setMaxListeners' in target) target.setMaxListeners(count);
  },
  listenerCount: (target: Target, name: string) => getEventListeners(target, name).length,
});
/** For packages that take it from the module by name. */
export { addAbortListener };
